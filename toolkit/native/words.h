/* The table of words. */

/* A word by its first 16 bytes, and where its other bytes are. A slot of the table is 0, or the number
   of a word, from 1, below some bits of its hash value. Common words come first, so that they stay
   together in the processor's caches. */
typedef struct {
    uint64_t start[2];
    uint32_t length;
    int32_t id;
    uint64_t rest;
} word;

typedef struct words {
    rule rule;
    struct words *entities; /* the kinds of entities; NULL without mark-up */
    scan_function *scan;
    uint32_t *slots;
    word *words;
    uint8_t *rest;
    uint32_t number_bits; /* bits of a slot that are the number of a word */
    uint32_t shift;       /* from a hash value to a slot */
    uint32_t longest;     /* bytes */
} words;

/* Return the first bytes of a string, at most 8, as a number; 8 bytes must be readable. */
static inline uint64_t first_bytes(const uint8_t *at, uint32_t length) {
    uint64_t found;
    memcpy(&found, at, 8);
    return found & (length >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * length) - 1);
}

static inline uint64_t mixed(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    a = (a ^ b << 29 ^ b >> 35) * UINT64_C(0x9E3779B97F4A7C15);
    return (a ^ a >> 32) * UINT64_C(0xD6E8FEB86659FD93);
#endif
}

/* Return the hash value of a string of at least one byte, and its first bytes; 16 bytes must be
   readable. */
static inline uint64_t hash_of(const uint8_t *at, uint32_t length, uint64_t start[2]) {
    start[0] = first_bytes(at, length);
    start[1] = first_bytes(at + 8, length > 8 ? length - 8 : 0);
    uint64_t hash = mixed(start[0] ^ UINT64_C(0xA0761D6478BD642F),
                          start[1] ^ UINT64_C(0xE7037ED1A0B428DB) ^ length);
    for (uint32_t i = 16; i < length; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001B3);
    return hash ^ hash >> 32;
}

static inline int is_word(const words *w, const word *found, const uint64_t start[2],
                          uint32_t length, const uint8_t *at) {
    return found->start[0] == start[0] && found->start[1] == start[1] &&
           found->length == length &&
           (length <= 16 || memcmp(w->rest + found->rest, at + 16, length - 16) == 0);
}

/* A string to look up. */
typedef struct {
    uint64_t start[2], hash;
    const uint8_t *at;
    uint32_t length;
} lookup;

static inline uint32_t slot_of(const words *w, uint64_t hash) {
    return (uint32_t)(hash >> 32) >> w->shift;
}

static inline int32_t id_of(const words *w, const lookup *one) {
    if (one->length > w->longest) return UNKNOWN_ID;
    uint32_t mask = UINT32_MAX >> w->shift, number_mask = (UINT32_C(1) << w->number_bits) - 1;
    uint32_t tag = (uint32_t)one->hash & ~number_mask;
    for (uint32_t slot = slot_of(w, one->hash);; slot = (slot + 1) & mask) {
        uint32_t held = w->slots[slot];
        if (held == 0) return UNKNOWN_ID;
        if ((held & ~number_mask) == tag) {
            const word *found = &w->words[(held & number_mask) - 1];
            if (is_word(w, found, one->start, one->length, one->at)) return found->id;
        }
    }
}

EXPORT void words_free(words *w) {
    if (w == NULL) return;
    words_free(w->entities);
    free(w->slots);
    free(w->words);
    free(w->rest);
    free(w);
}

/* Make a table of strings and their ids; string i is from `bounds[i]` to `bounds[i + 1]`. The
   first of equal strings counts. `path` is one of `paths`, or NULL for the best. Returns NULL if
   memory is missing, if strings are too many or too long, or if too many have the same hash
   value. */
EXPORT words *words_new(const rule *r, const uint8_t *content, const int32_t *bounds,
                        const int32_t *ids, int32_t count, const char *path_name) {
    const path *chosen = find_path(path_name);
    uint32_t bits = 4, number_bits = 1;
    while (bits < 30 && (INT64_C(1) << bits) < INT64_C(2) * count) bits++;
    while ((INT64_C(1) << number_bits) <= count) number_bits++;
    if (chosen == NULL || count < 0 || number_bits > 24) return NULL;
    words *w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    *w = (words){.rule = *r, .scan = chosen->scan, .number_bits = number_bits, .shift = 32 - bits};
    w->slots = calloc((size_t)1 << bits, sizeof *w->slots);
    w->words = calloc((size_t)count + 1, sizeof *w->words);
    w->rest = malloc((size_t)bounds[count] + 1);
    if (w->slots == NULL || w->words == NULL || w->rest == NULL) goto failed;
    uint64_t used = 0;
    for (int32_t i = 0; i < count; i++) {
        uint8_t padded[LONGEST_WORD + PADDING] = {0};
        int64_t length = (int64_t)bounds[i + 1] - bounds[i];
        if (length > LONGEST_WORD) goto failed;
        if (length == 0) continue; /* no token is empty */
        memcpy(padded, content + bounds[i], (size_t)length);
        word *one = &w->words[i];
        uint64_t hash = hash_of(padded, (uint32_t)length, one->start);
        one->length = (uint32_t)length;
        one->id = ids[i];
        one->rest = used;
        if (length > 16) {
            memcpy(w->rest + used, padded + 16, (size_t)length - 16);
            used += (uint64_t)length - 16;
        }
        if (one->length > w->longest) w->longest = one->length;
        uint32_t slot = slot_of(w, hash), steps = 0;
        while (w->slots[slot] != 0) {
            if (++steps > MOST_STEPS) goto failed;
            slot = (slot + 1) & (UINT32_MAX >> w->shift);
        }
        uint32_t number_mask = (UINT32_C(1) << number_bits) - 1;
        w->slots[slot] = ((uint32_t)hash & ~number_mask) | (uint32_t)(i + 1);
    }
    return w;
failed:
    words_free(w);
    return NULL;
}

/* Attach a table of entities, whose ids are kinds; it is freed with the table. */
EXPORT void words_know_entities(words *w, words *entities) { w->entities = entities; }
