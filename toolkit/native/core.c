/* The native core of the toolkit: from review text to token ids.

It does what toolkit/text does with Arrow and NumPy, which stays the reference: the same ids on every
input. It is plain C11 without Python's headers, and is called through ctypes, which releases Python's
lock. Nothing here allocates but `words_new`, and nothing is written but what a caller has handed over.

What separates words is data, not code: `toolkit/text/rule.py` has it. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TOOLKIT_CORE_VERSION 2

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#if !defined(__GNUC__) || !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the core needs GCC or Clang, and a processor that stores low bytes first"
#endif

enum {
    BLOCK = 64,         /* bytes of which the separators are one number of 64 bits */
    PIECE = 64 * BLOCK, /* bytes that are read at once */
    PADDING = 16,       /* bytes after a piece that may be read, and mean nothing */
    LONGEST_WORD = 1024,
    MOST_RANGES = 8, /* of ASCII characters that separate words */
    WIDE_BYTES = 0x10000 / 8,
    MOST_STEPS = 256, /* from a slot to the one that holds a word */
    UNKNOWN_ID = 2,
};

/* ---- Which characters separate words --------------------------------------------------------- */

typedef struct {
    uint8_t first[MOST_RANGES], last[MOST_RANGES]; /* of ASCII characters, both included */
    int32_t ranges;
    int32_t ends_at_nul; /* whether a text ends at its first NUL */
    uint8_t wide[WIDE_BYTES]; /* a bit for each character beyond ASCII, up to U+FFFF */
} rule;

/* Blocks of 64 bytes in lower case, and of each block a bit for every byte that separates words.
   Gives whether there is a byte beyond ASCII. */
typedef int scan_function(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                          uint64_t *separators);

static int scan_plain(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                      uint64_t *separators) {
    uint8_t is_separator[256] = {0};
    for (int32_t i = 0; i < r->ranges; i++)
        for (int c = r->first[i]; c <= r->last[i]; c++) is_separator[c] = 1;
    uint8_t any = 0;
    for (int64_t b = 0; b < blocks; b++, text += BLOCK, lower += BLOCK) {
        uint64_t bits = 0;
        for (int i = 0; i < BLOCK; i++) {
            uint8_t c = text[i];
            any |= c;
            lower[i] = (uint8_t)(c + ((uint8_t)(c - 'A') < 26 ? 'a' - 'A' : 0));
            bits |= (uint64_t)is_separator[c] << i;
        }
        separators[b] = bits;
    }
    return any >> 7;
}

/* The same with registers of several bytes. A byte is within a range if it is at most `span` after
   its start, counted without a sign: the smaller of both is then the byte itself. */
#define SCAN_BODY(VECTOR, WIDTH, LOAD, STORE, SPLAT, ADD, SUB, MIN, EQUAL, AND, OR, BITS)             \
    VECTOR first[MOST_RANGES], span[MOST_RANGES], high = SPLAT(0);                                   \
    int32_t ranges = r->ranges;                                                                      \
    for (int32_t i = 0; i < ranges; i++) {                                                           \
        first[i] = SPLAT((char)r->first[i]);                                                         \
        span[i] = SPLAT((char)(r->last[i] - r->first[i]));                                           \
    }                                                                                                \
    const VECTOR capital = SPLAT('A'), letters = SPLAT(25), to_small = SPLAT('a' - 'A');             \
    for (int64_t b = 0; b < blocks; b++, text += BLOCK, lower += BLOCK) {                            \
        uint64_t bits = 0;                                                                           \
        for (int at = 0; at < BLOCK; at += WIDTH) {                                                  \
            VECTOR c = LOAD(text + at), is_separator = SPLAT(0);                                     \
            high = OR(high, c);                                                                      \
            VECTOR place = SUB(c, capital);                                                          \
            VECTOR is_capital = EQUAL(MIN(place, letters), place);                                   \
            STORE(lower + at, ADD(c, AND(is_capital, to_small)));                                    \
            for (int32_t i = 0; i < ranges; i++) {                                                   \
                place = SUB(c, first[i]);                                                            \
                is_separator = OR(is_separator, EQUAL(MIN(place, span[i]), place));                  \
            }                                                                                        \
            bits |= (uint64_t)BITS(is_separator) << at;                                              \
        }                                                                                            \
        separators[b] = bits;                                                                        \
    }

#if defined(__x86_64__)
#include <immintrin.h>

#define LOAD_16(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE_16(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define BITS_16(v) (uint16_t)_mm_movemask_epi8(v)
#define LOAD_32(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE_32(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define BITS_32(v) (uint32_t)_mm256_movemask_epi8(v)

static int scan_sse2(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                     uint64_t *separators) {
    SCAN_BODY(__m128i, 16, LOAD_16, STORE_16, _mm_set1_epi8, _mm_add_epi8, _mm_sub_epi8,
              _mm_min_epu8, _mm_cmpeq_epi8, _mm_and_si128, _mm_or_si128, BITS_16)
    return _mm_movemask_epi8(high) != 0;
}

__attribute__((target("avx2"))) static int scan_avx2(const rule *r, const uint8_t *text,
                                                     int64_t blocks, uint8_t *lower,
                                                     uint64_t *separators) {
    SCAN_BODY(__m256i, 32, LOAD_32, STORE_32, _mm256_set1_epi8, _mm256_add_epi8, _mm256_sub_epi8,
              _mm256_min_epu8, _mm256_cmpeq_epi8, _mm256_and_si256, _mm256_or_si256, BITS_32)
    return _mm256_movemask_epi8(high) != 0;
}

#elif defined(__aarch64__)
#include <arm_neon.h>

static inline uint16_t bits_of_neon(uint8x16_t v) {
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t bits = vandq_u8(v, vld1q_u8(weights));
    return (uint16_t)(vaddv_u8(vget_low_u8(bits)) | vaddv_u8(vget_high_u8(bits)) << 8);
}

static int scan_neon(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                     uint64_t *separators) {
    SCAN_BODY(uint8x16_t, 16, vld1q_u8, vst1q_u8, vdupq_n_u8, vaddq_u8, vsubq_u8, vminq_u8,
              vceqq_u8, vandq_u8, vorrq_u8, bits_of_neon)
    return vmaxvq_u8(high) > 127;
}
#endif

typedef struct {
    const char *name;
    scan_function *scan;
} path;

static const path paths[] = {
#if defined(__x86_64__)
    {"avx2", scan_avx2},
    {"sse2", scan_sse2},
#elif defined(__aarch64__)
    {"neon", scan_neon},
#endif
    {"plain", scan_plain},
};

/* The best path that this processor has, or that of a name; NULL if it has not that. */
static const path *find_path(const char *name) {
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const path *p = &paths[i];
        if (name != NULL && strcmp(name, p->name) != 0) continue;
#if defined(__x86_64__)
        if (p->scan == scan_avx2 && !__builtin_cpu_supports("avx2")) continue;
#endif
        return p;
    }
    return NULL;
}

EXPORT int32_t core_version(void) { return TOOLKIT_CORE_VERSION; }

EXPORT const char *core_path(void) { return find_path(NULL)->name; }

/* ---- The table of words ---------------------------------------------------------------------- */

/* A word by its first 16 bytes, and where its other bytes are. A slot of the table is 0, or the number
   of a word, from 1, below some bits of its hash value. Common words come first, so that they stay
   together in the processor's caches. */
typedef struct {
    uint64_t start[2];
    uint32_t length;
    int32_t id;
    uint64_t rest;
} word;

typedef struct {
    rule rule;
    scan_function *scan;
    uint32_t *slots;
    word *words;
    uint8_t *rest;
    uint32_t number_bits; /* of a slot that are the number of a word */
    uint32_t shift;       /* from a hash value to a slot */
    uint32_t longest;     /* bytes */
} words;

/* The first bytes of a string, at most 8, as a number; 8 bytes can be read. */
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

/* The hash value of a string of at least one byte, of which 16 bytes can be read; and its start. */
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

/* A string that is looked up. */
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
    free(w->slots);
    free(w->words);
    free(w->rest);
    free(w);
}

/* Make a table of strings, of which `bounds` (count + 1) says where they are, and their ids. Of equal
   strings the first counts. NULL if there is no memory, or if strings are too many or too long, or
   are hashed to the same place too often; `path` is one of `paths`, or NULL for the best. */
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

/* ---- Texts in Arrow's layouts ---------------------------------------------------------------- */

enum { STRING = 0, LARGE_STRING = 1, STRING_VIEW = 2 };

typedef struct {
    const uint8_t *validity; /* bits, or NULL if no text is null */
    const void *places;      /* 32-bit or 64-bit bounds, or views of 16 bytes */
    const uint8_t *const *contents; /* one, or as many as the views speak of */
    int64_t offset, length;  /* of the texts */
    int32_t kind;
} texts;

/* A bound; the address of an imported one may be any. */
static inline int64_t place_at(const texts *t, int64_t i) {
    int32_t narrow;
    int64_t wide;
    if (t->kind == LARGE_STRING) return memcpy(&wide, (const uint8_t *)t->places + 8 * i, 8), wide;
    return memcpy(&narrow, (const uint8_t *)t->places + 4 * i, 4), narrow;
}

/* A text and its length; a null has none. */
static inline const uint8_t *text_at(const texts *t, int64_t row, int64_t *length) {
    row += t->offset;
    *length = 0;
    if (t->validity != NULL && !(t->validity[row >> 3] >> (row & 7) & 1)) return NULL;
    if (t->kind == STRING_VIEW) {
        const uint8_t *view = (const uint8_t *)t->places + 16 * row;
        int32_t parts[4]; /* length, first bytes, buffer, place; or the text after the length */
        memcpy(parts, view, sizeof parts);
        *length = parts[0];
        return parts[0] <= 12 ? view + 4 : t->contents[parts[2]] + parts[3];
    }
    int64_t start = place_at(t, row);
    *length = place_at(t, row + 1) - start;
    return *length > 0 ? t->contents[0] + start : NULL;
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* How many ids `encode` may give: every second byte may be a token. */
EXPORT int64_t most_ids(const texts *t, int64_t last) {
    int64_t total = 0, length;
    for (int64_t row = 0; row < t->length; row++) {
        text_at(t, row, &length);
        total += least((length + 1) / 2, last);
    }
    return total;
}

/* ---- Texts into tokens ----------------------------------------------------------------------- */

/* Some bytes of a text, at most PIECE. What follows them in the last block counts as separators. */
typedef struct {
    uint8_t lower[PIECE + PADDING];
    uint64_t separators[PIECE / BLOCK];
    int64_t blocks;
} piece;

/* How many bytes of a text from a place on are a separator beyond ASCII: 0, 2 or 3. */
static inline int wide_separator(const rule *r, const uint8_t *at, int64_t left) {
    uint32_t lead = at[0], character;
    int bytes;
    if (lead >= 0xE0 && lead < 0xF0 && left >= 3) {
        if ((at[1] & 0xC0) != 0x80 || (at[2] & 0xC0) != 0x80) return 0;
        character = (lead & 0x0F) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
        if (character < 0x800) return 0; /* written with more bytes than it has */
        bytes = 3;
    } else if (lead >= 0xC2 && lead < 0xE0 && left >= 2) {
        if ((at[1] & 0xC0) != 0x80) return 0;
        character = (lead & 0x1F) << 6 | (at[1] & 0x3Fu);
        bytes = 2;
    } else {
        return 0;
    }
    return r->wide[character >> 3] >> (character & 7) & 1 ? bytes : 0;
}

/* Find the separators beyond ASCII of a piece; one may begin before it, or end after it. */
static void add_wide(const rule *r, const uint8_t *text, int64_t length, int64_t from, int64_t to,
                     uint64_t *separators) {
    for (int64_t at = from < 2 ? 0 : from - 2; at < to; at++) {
        if (text[at] < 0xC2) continue;
        int bytes = wide_separator(r, text + at, length - at);
        for (int64_t i = at; i < at + bytes; i++)
            if (i >= from && i < to)
                separators[(i - from) / BLOCK] |= UINT64_C(1) << (i - from) % BLOCK;
    }
}

/* Read the bytes of a text from a place to another, at most PIECE of them. */
static void read_piece(const words *w, const uint8_t *text, int64_t length, int64_t from, int64_t to,
                       piece *p) {
    int64_t bytes = to - from, whole = bytes / BLOCK, rest = bytes % BLOCK;
    int is_wide = w->scan(&w->rule, text + from, whole, p->lower, p->separators);
    p->blocks = whole;
    if (rest > 0) { /* not read beyond its end */
        uint8_t end[BLOCK] = {0};
        memcpy(end, text + from + BLOCK * whole, (size_t)rest);
        is_wide |= w->scan(&w->rule, end, 1, p->lower + BLOCK * whole, p->separators + whole);
        p->separators[whole] |= UINT64_MAX << rest;
        p->blocks++;
    }
    if (is_wide) add_wide(&w->rule, text, length, from, to, p->separators);
}

/* Bits of the bytes at which a token ends, of a block and the first separator of the next one. */
static inline uint64_t ends_of(uint64_t separators, uint64_t next) {
    return ~separators & (separators >> 1 | next << 63);
}

static int64_t count_ends(const piece *p, uint64_t after) {
    int64_t count = 0;
    for (int64_t b = 0; b < p->blocks; b++) {
        uint64_t next = b + 1 < p->blocks ? p->separators[b + 1] : after;
        count += __builtin_popcountll(ends_of(p->separators[b], next));
    }
    return count;
}

/* Where to begin in a text of more than a piece, so that its last tokens are read and no others. */
static int64_t start_of_last(const words *w, const uint8_t *text, int64_t length, int64_t last,
                             piece *p) {
    uint64_t after = 1; /* what is behind a text separates, too */
    int64_t found = 0;
    for (int64_t to = length, from; to > 0; to = from) {
        from = (to - 1) / PIECE * PIECE; /* so that only the last block of all may not be full */
        read_piece(w, text, length, from, to, p);
        int64_t count = count_ends(p, after);
        if (found + count > last) { /* here ends the token before the first that counts */
            int64_t nth = found + count - last;
            for (int64_t b = 0;; b++) {
                uint64_t next = b + 1 < p->blocks ? p->separators[b + 1] : after;
                uint64_t ends = ends_of(p->separators[b], next);
                int64_t here = __builtin_popcountll(ends);
                if (here < nth) {
                    nth -= here;
                    continue;
                }
                while (--nth > 0) ends &= ends - 1;
                return from + BLOCK * b + __builtin_ctzll(ends) + 1;
            }
        }
        found += count;
        after = p->separators[0];
    }
    return 0;
}

/* Find where the tokens of a piece start and stop, in turn; gives how many places that are. */
static int64_t find_edges(const piece *p, uint16_t *edges) {
    int64_t count = 0;
    uint64_t before = 0; /* whether the byte before a block is of a token */
    for (int64_t b = 0; b < p->blocks; b++) {
        uint64_t inside = ~p->separators[b], changes = inside ^ (inside << 1 | before);
        before = inside >> 63;
        for (; changes; changes &= changes - 1)
            edges[count++] = (uint16_t)(BLOCK * b + __builtin_ctzll(changes));
    }
    if (before) edges[count++] = (uint16_t)(BLOCK * p->blocks);
    return count;
}

enum { AHEAD = 32 }; /* tokens whose slots are fetched while others are looked up */

static int64_t look_up(const words *w, const piece *p, const uint16_t *edges, int64_t from,
                       int64_t to, int32_t *values) {
    lookup ahead[AHEAD];
    uint32_t number_mask = (UINT32_C(1) << w->number_bits) - 1;
    for (int64_t i = from; i < to; i += AHEAD) {
        int64_t count = least(AHEAD, to - i);
        for (int64_t j = 0; j < count; j++) {
            uint32_t start = edges[2 * (i + j)], stop = edges[2 * (i + j) + 1];
            lookup *one = &ahead[j];
            one->at = p->lower + start;
            one->length = stop - start;
            one->hash = hash_of(one->at, one->length, one->start);
            __builtin_prefetch(w->slots + slot_of(w, one->hash));
        }
        for (int64_t j = 0; j < count; j++) {
            uint32_t number = w->slots[slot_of(w, ahead[j].hash)] & number_mask;
            __builtin_prefetch(w->words + number - (number != 0));
        }
        for (int64_t j = 0; j < count; j++) *values++ = id_of(w, &ahead[j]);
    }
    return to > from ? to - from : 0;
}

/* Where a token ends that is longer than a piece, from a place within it. */
static int64_t end_of_long(const words *w, const uint8_t *text, int64_t length, int64_t from,
                           piece *p) {
    for (int64_t to; from < length; from = to) {
        to = least(from + PIECE, length);
        read_piece(w, text, length, from, to, p);
        for (int64_t b = 0; b < p->blocks; b++)
            if (p->separators[b])
                return least(from + BLOCK * b + __builtin_ctzll(p->separators[b]), length);
    }
    return length;
}

/* Bytes of a token and its separators, more than the 5.6 of the IMDB reviews. */
enum { BYTES_OF_TOKEN = 8 };

/* Write the ids of the last tokens of a text; gives how many there are. */
static int64_t encode_text(const words *w, const uint8_t *text, int64_t length, int64_t last,
                           int32_t *values) {
    piece p;
    uint16_t edges[PIECE + 2];
    int64_t window = last < PIECE / BYTES_OF_TOKEN ? BYTES_OF_TOKEN * last : PIECE - BLOCK;
    int64_t begin = length > window ? (length - window) / BLOCK * BLOCK : 0;
    if (length - begin <= PIECE) { /* mostly, the last bytes are enough */
        read_piece(w, text, length, begin, length, &p);
        int64_t tokens = find_edges(&p, edges) / 2;
        if (begin == 0 || tokens > last) /* else the first one may be a part */
            return look_up(w, &p, edges, tokens > last ? tokens - last : 0, tokens, values);
    }
    int64_t from = (length + 1) / 2 > last ? start_of_last(w, text, length, last, &p) : 0;
    int32_t *at = values;
    for (int64_t to; from < length; from = to) {
        to = least(from + PIECE, length);
        read_piece(w, text, length, from, to, &p);
        int64_t tokens = find_edges(&p, edges) / 2;
        if (to < length && tokens > 0 && from + edges[2 * tokens - 1] == to) {
            /* The last one goes on, or may. */
            tokens--;
            if (edges[2 * tokens] > 0) {
                to = from + edges[2 * tokens];
            } else {
                to = end_of_long(w, text, length, to, &p);
                *at++ = UNKNOWN_ID;
            }
        }
        at += look_up(w, &p, edges, 0, tokens, at);
    }
    return at - values;
}

/* Write the ids of the last tokens of each text, at most `most_ids`, one text after the other, and
   where they stop, (texts). Gives the number of all ids. */
EXPORT int64_t encode(const words *w, const texts *t, int64_t last, int32_t *values, int64_t *stops) {
    int64_t total = 0, length;
    for (int64_t row = 0; row < t->length; row++) {
        const uint8_t *text = text_at(t, row, &length);
        const uint8_t *nul = w->rule.ends_at_nul && length ? memchr(text, 0, (size_t)length) : NULL;
        if (nul != NULL) length = nul - text;
        if (length > 0) total += encode_text(w, text, length, last, values + total);
        stops[row] = total;
    }
    return total;
}

/* ---- From token ids to what a network sums up of a review ------------------------------------ */

/* The reviews of a call: where the ids of each start and stop. A network reads the last `most` ids of
   the start id and those of the review. */
typedef struct {
    const int32_t *ids;
    const int64_t *starts, *stops;
    int64_t rows, most;
} reviews;

enum { PADDING_ID = 0, START_ID = 1, FIRST_WORD_ID = 4, RUN = 256 };

/* Where the ids begin that a network reads of a review, and whether the start id is before them. */
static inline int64_t first_read(const reviews *r, int64_t row, int *has_start) {
    int64_t first = r->stops[row] - r->most;
    *has_start = first < r->starts[row];
    return *has_start ? r->starts[row] : first;
}

/* Whether all ids are below a vocabulary's size, so that they may be looked up. */
static int are_known(const reviews *r, int32_t vocabulary) {
    for (int64_t row = 0; row < r->rows; row++) {
        uint32_t highest = 0;
        for (int64_t at = r->starts[row]; at < r->stops[row]; at++)
            if ((uint32_t)r->ids[at] > highest) highest = (uint32_t)r->ids[at];
        if (highest >= (uint32_t)vocabulary) return 0;
    }
    return 1;
}

/* A divisor of numbers of 32 bits, with what makes a product of a division (Lemire, Kaser and Kurz,
   Faster remainder by direct computation, 2019). */
typedef struct {
    uint32_t number;
    uint64_t reciprocal;
} divisor;

static inline divisor divisor_of(int32_t number) {
    return (divisor){(uint32_t)number, UINT64_MAX / (uint32_t)number + 1};
}

static inline uint32_t quotient(uint32_t value, divisor by) {
#if defined(__SIZEOF_INT128__)
    return by.number == 1 ? value : (uint32_t)((__uint128_t)by.reciprocal * value >> 64);
#else
    return value / by.number;
#endif
}

/* `ngram-linear`: a code for each word, and for each hash value of a pair of neighbours. */
typedef struct {
    const int8_t *words, *pairs;
    int32_t vocabulary, pairs_size;
} linear_tables;

static inline int32_t decoded(int8_t code) { return code * (code < 0 ? -code : code); }

/* Sum up the codes of each review, and count its tokens and its known tokens, (rows) each. Gives 0, or
   1 if an id is beyond the tables. */
EXPORT int32_t sum_linear(const linear_tables *t, const reviews *r, float *totals, float *tokens,
                          int32_t *known) {
    if (!are_known(r, t->vocabulary)) return 1;
    divisor pairs = divisor_of(t->pairs_size);
    for (int64_t row = 0; row < r->rows; row++) {
        int has_start;
        int64_t first = first_read(r, row, &has_start), stop = r->stops[row];
        uint32_t total = 0, before = has_start ? START_ID : PADDING_ID;
        int32_t of_words = 0, all = 0;
        for (int64_t at = first; at < stop; at++) {
            uint32_t id = (uint32_t)r->ids[at], key = before * (uint32_t)t->vocabulary + id;
            uint32_t place = key - quotient(key, pairs) * pairs.number;
            int32_t weight = decoded(t->words[id]) + decoded(t->pairs[place]);
            int counts = id > START_ID;
            total += counts ? (uint32_t)weight : 0;
            all += counts;
            of_words += id >= FIRST_WORD_ID;
            before = id;
        }
        totals[row] = (float)(int32_t)total;
        tokens[row] = (float)all;
        known[row] = of_words;
    }
    return 0;
}

/* `ngram-pool`: a row of small numbers for each word and each pair of neighbours that has one. */
typedef struct {
    const uint8_t *vectors;   /* (experts * rows, columns) */
    const int32_t *shifts;    /* (vocabulary): how many rows later those of negated tokens are */
    const int32_t *slots;     /* (slots_size): rows of pairs, see toolkit/networks/pairs.py */
    const int32_t *routes;    /* (vocabulary): what chooses the expert */
    int32_t vocabulary, columns, slots_size, no_pair, rows, route_limit, last_expert;
    float long_tokens;
} pool_tables;

/* Tokens that a negation reaches; columns of a register; where the row is in a slot. */
enum { SCOPE = 3, MOST_TOGETHER = 16, FEWEST_TOGETHER = 8, QUOTIENT_BITS = 12 };

/* Choose the expert of a review, and count. */
static int32_t expert_of(const pool_tables *t, const int32_t *ids, int64_t count, int has_start,
                         float *tokens, int32_t *known) {
    int64_t route = has_start ? t->routes[START_ID] : 0;
    int32_t all = 0, of_words = 0;
    for (int64_t i = 0; i < count; i++) {
        route += t->routes[ids[i]];
        all += ids[i] > START_ID;
        of_words += ids[i] >= FIRST_WORD_ID;
    }
    *tokens = (float)all;
    *known = of_words;
    return *tokens < t->long_tokens ? t->last_expert : route > t->route_limit;
}

/* Some tokens in a row, what is looked up of them, and where their vectors are. */
typedef struct {
    uint32_t slots[RUN], quotients[RUN], ids[RUN], places[RUN];
} run;

/* Find the vectors of `count` tokens of a review, from one on; `first` is -1 for the start id. Three
   passes, so that the processor can fetch what the next one needs. */
static void find_vectors(const pool_tables *t, divisor slots, const int32_t *ids, int64_t first,
                         int64_t count, int64_t has_start, const uint8_t *vectors, run *found) {
    uint32_t vocabulary = (uint32_t)t->vocabulary;
    uint32_t before = first > 0 ? (uint32_t)ids[first - 1] : first == 0 && has_start ? START_ID : PADDING_ID;
    for (int64_t i = 0; i < count; i++) {
        uint32_t id = first + i < 0 ? START_ID : (uint32_t)ids[first + i];
        uint32_t key = before * vocabulary + id;
        found->ids[i] = before = id;
        found->quotients[i] = quotient(key, slots);
        found->slots[i] = key - found->quotients[i] * slots.number;
        __builtin_prefetch(t->slots + found->slots[i]);
    }
    uint32_t marks[SCOPE] = {0}; /* of the three tokens before */
    for (int64_t back = SCOPE; back > 0; back--) {
        int64_t at = first - back;
        if (at >= 0) marks[SCOPE - back] = (uint32_t)t->shifts[ids[at]];
        if (at == -1 && has_start) marks[SCOPE - back] = (uint32_t)t->shifts[START_ID];
    }
    for (int64_t i = 0; i < count; i++) {
        uint32_t id = found->ids[i], held = (uint32_t)t->slots[found->slots[i]];
        uint32_t shift = marks[0] > marks[1] ? marks[0] : marks[1];
        shift = shift > marks[2] ? shift : marks[2];
        marks[0] = marks[1], marks[1] = marks[2], marks[2] = (uint32_t)t->shifts[id];
        uint32_t pair = held >> QUOTIENT_BITS; /* a slot of nobody has all bits */
        uint32_t is_pair = ((held & ((1u << QUOTIENT_BITS) - 1)) == found->quotients[i]) &
                           (held != UINT32_MAX) & (id > START_ID) &
                           (pair + shift < (uint32_t)t->no_pair);
        found->places[i] = shift + id + ((0 - is_pair) & (vocabulary + pair - id));
        __builtin_prefetch(vectors + (int64_t)found->places[i] * t->columns);
    }
}

/* Add up some rows of vectors in columns of 8 bits that lie together, and find the highest ones. At
   most RUN rows, so that sums fit into 16 bits. */
static inline void add_rows(const uint8_t *vectors, const uint32_t *places, int64_t count,
                            int64_t columns, int32_t together, uint8_t *highest,
                            uint32_t *totals) {
    uint16_t sums[MOST_TOGETHER] = {0};
    uint8_t most[MOST_TOGETHER] = {0}, row[MOST_TOGETHER];
    for (int64_t i = 0; i < count; i++) {
        memcpy(row, vectors + (int64_t)places[i] * columns, (size_t)together);
        for (int c = 0; c < together; c++) most[c] = row[c] > most[c] ? row[c] : most[c];
        for (int c = 0; c < together; c++) sums[c] = (uint16_t)(sums[c] + row[c]);
    }
    for (int c = 0; c < together; c++) {
        totals[c] += sums[c];
        if (most[c] > highest[c]) highest[c] = most[c];
    }
}

enum { MOST_COLUMNS = 256 };

/* Pool the vectors of each review: `highest` and `totals` (rows, columns), and the tokens, the expert
   and the known tokens, (rows) each. Gives 0, or 1 if an id is beyond the tables. */
EXPORT int32_t pool_vectors(const pool_tables *t, const reviews *r, float *highest, float *totals,
                            float *tokens, int32_t *experts, int32_t *known) {
    if (!are_known(r, t->vocabulary)) return 1;
    divisor slots = divisor_of(t->slots_size);
    run found;
    for (int64_t row = 0; row < r->rows; row++) {
        int has_start;
        int64_t at = first_read(r, row, &has_start), count = r->stops[row] - at;
        const int32_t *ids = r->ids + at;
        int32_t expert = expert_of(t, ids, count, has_start, &tokens[row], &known[row]);
        const uint8_t *vectors = t->vectors + (int64_t)expert * t->rows * t->columns;
        uint8_t most[MOST_COLUMNS] = {0};
        uint32_t sums[MOST_COLUMNS] = {0};
        for (int64_t first = -has_start; first < count; first += RUN) {
            int64_t together = least(RUN, count - first);
            find_vectors(t, slots, ids, first, together, has_start, vectors, &found);
            int32_t c = 0;
            for (; c + MOST_TOGETHER <= t->columns; c += MOST_TOGETHER)
                add_rows(vectors + c, found.places, together, t->columns, MOST_TOGETHER, most + c, sums + c);
            for (; c < t->columns; c += FEWEST_TOGETHER)
                add_rows(vectors + c, found.places, together, t->columns, FEWEST_TOGETHER, most + c, sums + c);
        }
        for (int32_t c = 0; c < t->columns; c++) {
            highest[row * t->columns + c] = most[c];
            totals[row * t->columns + c] = (float)sums[c];
        }
        experts[row] = expert;
    }
    return 0;
}

/* `conv1d`: what a token gives by itself, and what by the token after it. */
typedef struct {
    const float *first, *second; /* (vocabulary, filters); of the second, one row more for no token */
    int32_t vocabulary, filters, width;
} conv_tables;

/* The highest of each two neighbouring windows of two tokens, 0 at least: (rows, width / 2, filters).
   Reviews are padded in front. Gives 0, or 1 if an id is beyond the tables. */
EXPORT int32_t convolve(const conv_tables *t, const reviews *r, float *found) {
    if (!are_known(r, t->vocabulary)) return 1;
    for (int64_t row = 0; row < r->rows; row++) {
        int has_start;
        int64_t at = first_read(r, row, &has_start), padding = t->width - (r->stops[row] - at);
        for (int64_t i = 0; i < t->width; i += 2, found += t->filters) {
            int64_t three[3]; /* an even place, the odd one after it, and the one after that */
            for (int64_t j = i; j < i + 3; j++) {
                int64_t in_front = has_start && j == padding - 1 ? START_ID : PADDING_ID;
                three[j - i] = j == t->width ? t->vocabulary : j < padding ? in_front : r->ids[at + j - padding];
            }
            const float *first = t->first + three[0] * t->filters;
            const float *first_of_odd = t->first + three[1] * t->filters;
            const float *second = t->second + three[1] * t->filters;
            const float *second_of_even = t->second + three[2] * t->filters;
            for (int32_t f = 0; f < t->filters; f++) {
                float even = first[f] + second[f], odd = first_of_odd[f] + second_of_even[f];
                float higher = even > odd ? even : odd;
                found[f] = higher > 0 ? higher : 0;
            }
        }
    }
    return 0;
}

typedef struct {
    const uint8_t *of_id; /* (vocabulary), 0 or 1 */
    int32_t vocabulary;
} flags;

/* Count the flagged ids among the last `most` of each review, without the start id: (rows). Gives 0, or
   1 if an id has no flag. */
EXPORT int32_t count_flagged(const flags *f, const reviews *r, int32_t *found) {
    if (!are_known(r, f->vocabulary)) return 1;
    for (int64_t row = 0; row < r->rows; row++) {
        int64_t first = r->stops[row] - r->most;
        int32_t count = 0;
        for (int64_t at = first > r->starts[row] ? first : r->starts[row]; at < r->stops[row]; at++)
            count += f->of_id[r->ids[at]];
        found[row] = count;
    }
    return 0;
}

/* ---- Records in blocks of a file ------------------------------------------------------------- */

#if defined(__x86_64__)
static inline uint64_t equal_bits(const uint8_t *at, uint8_t byte) {
    const __m128i sought = _mm_set1_epi8((char)byte);
    uint64_t bits = 0;
    for (int i = 0; i < BLOCK; i += 16)
        bits |= (uint64_t)BITS_16(_mm_cmpeq_epi8(LOAD_16(at + i), sought)) << i;
    return bits;
}

/* Whether one of 64 bytes is one of two, or beyond ASCII. */
static inline int is_special(const uint8_t *at, uint8_t one, uint8_t two) {
    const __m128i first = _mm_set1_epi8((char)one), second = _mm_set1_epi8((char)two);
    __m128i found = _mm_setzero_si128();
    for (int i = 0; i < BLOCK; i += 16) {
        __m128i c = LOAD_16(at + i);
        __m128i equal = _mm_or_si128(_mm_cmpeq_epi8(c, first), _mm_cmpeq_epi8(c, second));
        found = _mm_or_si128(found, _mm_or_si128(equal, c));
    }
    return _mm_movemask_epi8(found) != 0;
}
#elif defined(__aarch64__)
static inline uint64_t equal_bits(const uint8_t *at, uint8_t byte) {
    uint64_t bits = 0;
    for (int i = 0; i < BLOCK; i += 16)
        bits |= (uint64_t)bits_of_neon(vceqq_u8(vld1q_u8(at + i), vdupq_n_u8(byte))) << i;
    return bits;
}

static inline int is_special(const uint8_t *at, uint8_t one, uint8_t two) {
    uint8x16_t found = vdupq_n_u8(0);
    for (int i = 0; i < BLOCK; i += 16) {
        uint8x16_t c = vld1q_u8(at + i);
        uint8x16_t equal = vorrq_u8(vceqq_u8(c, vdupq_n_u8(one)), vceqq_u8(c, vdupq_n_u8(two)));
        found = vorrq_u8(found, vorrq_u8(equal, c));
    }
    return vmaxvq_u8(found) > 127;
}
#else
static inline uint64_t equal_bits(const uint8_t *at, uint8_t byte) {
    uint64_t bits = 0;
    for (int i = 0; i < BLOCK; i++) bits |= (uint64_t)(at[i] == byte) << i;
    return bits;
}

static inline int is_special(const uint8_t *at, uint8_t one, uint8_t two) {
    int found = 0;
    for (int i = 0; i < BLOCK; i++) found |= at[i] == one || at[i] == two || at[i] > 127;
    return found;
}
#endif

/* How many bytes a character of UTF-8 has; 0 if there is none. */
static inline int bytes_of_character(const uint8_t *at, int64_t left) {
    uint8_t lead = at[0];
    if (lead < 0x80) return 1;
    int bytes = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (bytes == 0 || bytes > left) return 0;
    for (int i = 1; i < bytes; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    /* Not with more bytes than it has, no half of a pair, not beyond U+10FFFF. */
    if ((lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F)) return 0;
    if ((lead == 0xF0 && at[1] < 0x90) || (lead == 0xF4 && at[1] > 0x8F)) return 0;
    return bytes;
}

/* The bytes of a text up to a place are characters of UTF-8; continue that up to another place, or
   to one that is none. */
static int64_t end_of_characters(const uint8_t *text, int64_t length, int64_t from, int64_t to) {
    while (from < to) {
        int bytes = bytes_of_character(text + from, length - from);
        if (bytes == 0) break;
        from += bytes;
    }
    return from;
}

static inline int64_t write_places(uint64_t bits, int64_t start, int64_t count, int64_t room,
                                   int64_t *places) {
    for (; bits; bits &= bits - 1, count++)
        if (count < room) places[count] = start + __builtin_ctzll(bits);
    return count;
}

typedef struct {
    int64_t delimiters, newlines; /* how many are outside quotes, also those without room */
    int64_t lines;                /* up to the last of these newlines, quoted ones count, too */
    int32_t is_regular;           /* else nothing here means anything */
    int32_t is_utf8;              /* up to the last of these newlines */
} cuts;

/* Find the delimiters and newlines outside quotes of a text that starts at a record. It is not regular
   if quotes do not open and close whole fields in turn, if one is open at the end of a file, if CR is
   not before LF outside quotes, or if the end of a file is not a newline. Without quotes, `quote` is a
   newline. */
EXPORT void find_cuts(const uint8_t *text, int64_t length, int32_t delimiter, int32_t quote,
                      int32_t at_end, int64_t room, int64_t *delimiters, int64_t *newlines,
                      cuts *found) {
    const uint8_t mark = (uint8_t)delimiter, q = (uint8_t)quote;
    const int has_quotes = quote != '\n';
    *found = (cuts){.is_utf8 = 1};
    if (at_end && length > 0 && text[length - 1] != '\n') return;
    int64_t lines = 0, checked = 0, failed = INT64_MAX, last = -1;
    /* Of the byte before a block: whether a field may open behind it, whether it closes one, whether
       it is CR outside quotes; and all ones if a quote is open. */
    uint64_t may_open = 1, closes = 0, returns = 0, open = 0;
    for (int64_t start = 0; start < length; start += BLOCK) {
        const uint8_t *at = text + start;
        uint64_t valid = UINT64_MAX;
        uint8_t end[BLOCK] = {0};
        if (length - start < BLOCK) { /* not read beyond its end */
            memcpy(end, at, (size_t)(length - start));
            at = end;
            valid = (UINT64_C(1) << (length - start)) - 1;
        }
        if (open & !closes && !is_special(at, q, '\n')) { /* quoted text */
            may_open = 0;
            continue;
        }
        if (is_special(at, 128, 128) && failed == INT64_MAX) {
            int64_t to = least(start + BLOCK, length);
            checked = end_of_characters(text, length, checked < start ? start : checked, to);
            if (checked < to) failed = checked;
        }
        uint64_t quotes = has_quotes ? equal_bits(at, q) & valid : 0;
        uint64_t marks = equal_bits(at, mark) & valid, ends = equal_bits(at, '\n') & valid;
        uint64_t carriage = equal_bits(at, '\r') & valid;
        uint64_t inside = quotes; /* from a quote that opens to before the one that closes */
        for (int shift = 1; shift < BLOCK; shift *= 2) inside ^= inside << shift;
        inside ^= open;
        uint64_t opening = quotes & inside, closing = quotes & ~inside;
        uint64_t outer_returns = carriage & ~inside;
        uint64_t before = marks | ends | quotes;
        uint64_t bad = opening & ~(before << 1 | may_open);
        bad |= (closing << 1 | closes) & valid & ~(before | carriage);
        bad |= (outer_returns << 1 | returns) & valid & ~ends;
        if (bad) return;
        int64_t stop = least(start + BLOCK, length);
        if (stop == length) { /* a CR at the end may be of CR LF, but not behind a quote */
            int places = (int)(length - start);
            uint64_t behind = closing << 1 | closes;
            if (outer_returns & behind & UINT64_C(1) << (places - 1)) return;
        }
        may_open = before >> 63;
        closes = closing >> 63;
        returns = outer_returns >> 63;
        open = (uint64_t)((int64_t)inside >> 63);
        uint64_t outer_ends = ends & ~inside;
        found->delimiters =
            write_places(marks & ~inside, start, found->delimiters, room, delimiters);
        found->newlines = write_places(outer_ends, start, found->newlines, room, newlines);
        if (outer_ends) {
            int highest = 63 - __builtin_clzll(outer_ends);
            last = start + highest;
            found->lines =
                lines + __builtin_popcountll(ends & (UINT64_MAX >> (63 - highest)));
        }
        lines += __builtin_popcountll(ends);
    }
    if (at_end && open) return;
    found->is_utf8 = failed > last;
    found->is_regular = 1;
}

/* Find all newlines of a text; gives how many there are, also those without room, and whether the
   text is UTF-8 up to the last of them. */
EXPORT int64_t find_lines(const uint8_t *text, int64_t length, int64_t room, int64_t *newlines,
                          int32_t *is_utf8) {
    int64_t count = 0, checked = 0, failed = INT64_MAX, last = -1;
    for (int64_t start = 0; start < length; start += BLOCK) {
        const uint8_t *at = text + start;
        uint8_t end[BLOCK] = {0};
        if (length - start < BLOCK) {
            memcpy(end, at, (size_t)(length - start));
            at = end;
        }
        if (!is_special(at, '\n', '\n')) continue;
        int64_t stop = least(start + BLOCK, length);
        if (is_special(at, 128, 128) && failed == INT64_MAX) {
            checked = end_of_characters(text, length, checked < start ? start : checked, stop);
            if (checked < stop) failed = checked;
        }
        uint64_t bits = equal_bits(at, '\n');
        if (bits) last = start + 63 - __builtin_clzll(bits);
        count = write_places(bits, start, count, room, newlines);
    }
    *is_utf8 = failed > last;
    return count;
}

/* ---- A string in each of many JSON objects ---------------------------------------------------- */

enum { DEEPEST = 32 };

/* The next byte of a string that is not plain: a quote, a backslash or a control character. */
static inline const uint8_t *end_of_plain(const uint8_t *at, const uint8_t *stop) {
#if defined(__x86_64__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);
    for (; stop - at >= 16; at += 16) {
        __m128i c = LOAD_16(at), is_control = _mm_cmpeq_epi8(_mm_min_epu8(c, control), c);
        __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(c, slash));
        uint32_t bits = BITS_16(_mm_or_si128(marks, is_control));
        if (bits) return at + __builtin_ctz(bits);
    }
#elif defined(__aarch64__)
    for (; stop - at >= 16; at += 16) {
        uint8x16_t c = vld1q_u8(at), is_control = vcleq_u8(c, vdupq_n_u8(0x1F));
        uint8x16_t marks = vorrq_u8(vceqq_u8(c, vdupq_n_u8('"')), vceqq_u8(c, vdupq_n_u8('\\')));
        uint32_t bits = bits_of_neon(vorrq_u8(marks, is_control));
        if (bits) return at + __builtin_ctz(bits);
    }
#endif
    while (at < stop && *at != '"' && *at != '\\' && *at > 0x1F) at++;
    return at;
}

/* The number that four hexadecimal digits are; -1 if they are none. */
static int32_t hexadecimal(const uint8_t *at, const uint8_t *stop) {
    int32_t number = 0;
    if (stop - at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int small = at[i] | 0x20, is_digit = at[i] >= '0' && at[i] <= '9';
        if (!is_digit && (small < 'a' || small > 'f')) return -1;
        number = number << 4 | (is_digit ? at[i] - '0' : small - 'a' + 10);
    }
    return number;
}

/* Read an escape behind its backslash; NULL if it is none, a NUL, or half of a pair. The character is
   written at `*to`, which goes on. */
static const uint8_t *read_escape(const uint8_t *at, const uint8_t *stop, uint8_t **to) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (at >= stop) return NULL;
    const char *found = *at ? strchr(letters, *at) : NULL;
    if (found != NULL) {
        *(*to)++ = (uint8_t)meant[found - letters];
        return at + 1;
    }
    if (*at != 'u') return NULL;
    int32_t character = hexadecimal(at + 1, stop);
    if (character <= 0 || (character >= 0xDC00 && character <= 0xDFFF)) return NULL;
    at += 5;
    if (character >= 0xD800 && character <= 0xDBFF) {
        if (stop - at < 6 || at[0] != '\\' || at[1] != 'u') return NULL;
        int32_t second = hexadecimal(at + 2, stop);
        if (second < 0xDC00 || second > 0xDFFF) return NULL;
        character = 0x10000 + ((character - 0xD800) << 10) + (second - 0xDC00);
        at += 6;
    }
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    uint8_t *next = *to;
    if (character < 0x80) {
        *next++ = (uint8_t)character;
    } else {
        int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
        *next++ = (uint8_t)(leads[more] | character >> 6 * more);
        while (more-- > 0) *next++ = (uint8_t)(0x80 | (character >> 6 * more & 0x3F));
    }
    *to = next;
    return at;
}

/* Read a string behind its first quote, up to behind its last; NULL if it is none. Its characters are
   written at `*to`, which goes on, unless `to` is NULL. */
static const uint8_t *read_string(const uint8_t *at, const uint8_t *stop, uint8_t **to) {
    uint8_t ignored[4];
    for (;;) {
        const uint8_t *end = end_of_plain(at, stop);
        if (to != NULL) {
            memcpy(*to, at, (size_t)(end - at));
            *to += end - at;
        }
        if (end >= stop) return NULL;
        if (*end == '"') return end + 1;
        uint8_t *unused = ignored;
        at = *end == '\\' ? read_escape(end + 1, stop, to != NULL ? to : &unused) : NULL;
        if (at == NULL) return NULL;
    }
}

static inline const uint8_t *after_space(const uint8_t *at, const uint8_t *stop) {
    while (at < stop && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++;
    return at;
}

static const uint8_t *after_digits(const uint8_t *at, const uint8_t *stop) {
    const uint8_t *start = at;
    while (at < stop && *at >= '0' && *at <= '9') at++;
    return at > start ? at : NULL;
}

static const uint8_t *after_number(const uint8_t *at, const uint8_t *stop) {
    if (at < stop && *at == '-') at++;
    if (at < stop && *at == '0') {
        at++;
    } else if ((at = after_digits(at, stop)) == NULL) {
        return NULL;
    }
    if (at < stop && *at == '.' && (at = after_digits(at + 1, stop)) == NULL) return NULL;
    if (at < stop && (*at | 0x20) == 'e') {
        at++;
        if (at < stop && (*at == '+' || *at == '-')) at++;
        at = after_digits(at, stop);
    }
    return at;
}

static const uint8_t *after_word(const uint8_t *at, const uint8_t *stop, const char *expected) {
    size_t length = strlen(expected);
    return (size_t)(stop - at) >= length && memcmp(at, expected, length) == 0 ? at + length : NULL;
}

/* Where a value ends; NULL if it is none, or nested deeper than `left`. */
static const uint8_t *after_value(const uint8_t *at, const uint8_t *stop, int left) {
    if (at >= stop) return NULL;
    switch (*at) {
    case '"': return read_string(at + 1, stop, NULL);
    case 't': return after_word(at, stop, "true");
    case 'f': return after_word(at, stop, "false");
    case 'n': return after_word(at, stop, "null");
    case '{':
    case '[': break;
    default: return after_number(at, stop);
    }
    const int is_object = *at == '{';
    const uint8_t closing = is_object ? '}' : ']';
    if (left == 0) return NULL;
    at = after_space(at + 1, stop);
    if (at < stop && *at == closing) return at + 1;
    for (;;) {
        if (is_object) {
            if (at >= stop || *at != '"' || (at = read_string(at + 1, stop, NULL)) == NULL)
                return NULL;
            at = after_space(at, stop);
            if (at >= stop || *at != ':') return NULL;
            at = after_space(at + 1, stop);
        }
        if ((at = after_value(at, stop, left - 1)) == NULL) return NULL;
        at = after_space(at, stop);
        if (at >= stop) return NULL;
        if (*at == closing) return at + 1;
        if (*at != ',') return NULL;
        at = after_space(at + 1, stop);
    }
}

/* Some names, of which `bounds` (count + 1) says where they are. */
typedef struct {
    const uint8_t *content;
    const int32_t *bounds;
    int32_t count;
} names;

static int is_among(const names *n, int32_t first, const uint8_t *at, int64_t length) {
    for (int32_t i = first; i < n->count; i++) {
        int64_t here = n->bounds[i + 1] - n->bounds[i];
        if (here == length && memcmp(n->content + n->bounds[i], at, (size_t)length) == 0) return 1;
    }
    return 0;
}

/* Read the string that an object has by the first of some names, and write it at `*to`. Gives 1, or 0
   if it is null or missing, or -1 if anything is not as `read_members` wants it. */
static int read_member(const uint8_t *at, const uint8_t *stop, const names *n, uint8_t **to) {
    int found = -1;
    if (at >= stop || *at != '{') return -1;
    at = after_space(at + 1, stop);
    if (at + 1 == stop && *at == '}') return 0;
    for (;;) {
        if (at >= stop || *at != '"') return -1;
        const uint8_t *name = at + 1, *end = end_of_plain(name, stop);
        if (end >= stop || *end != '"' || is_among(n, 1, name, end - name)) return -1;
        const int is_wanted = is_among(&(names){n->content, n->bounds, 1}, 0, name, end - name);
        at = after_space(end + 1, stop);
        if (at >= stop || *at != ':') return -1;
        at = after_space(at + 1, stop);
        if (!is_wanted) {
            at = after_value(at, stop, DEEPEST);
        } else if (found >= 0) {
            return -1;
        } else if (at < stop && *at == '"') {
            found = 1;
            at = read_string(at + 1, stop, to);
        } else {
            found = 0;
            at = after_word(at, stop, "null");
        }
        if (at == NULL) return -1;
        at = after_space(at, stop);
        if (at >= stop) return -1;
        if (*at == '}') return at + 1 == stop ? found > 0 : -1;
        if (*at != ',') return -1;
        at = after_space(at + 1, stop);
    }
}

/* Read the string that each of some objects has by the first of some names: `content` has room for
   all bytes of the objects, `bounds` (rows + 1) says where the strings are, and `is_there` (rows)
   which are there. Gives 0 unless each is one object of UTF-8, from its start to its stop, that has
   the name at most once, with a string or null, none of the other names, and no name with an escape.
   It may give 0 for others, too. */
EXPORT int32_t read_members(const uint8_t *data, const int64_t *starts, const int64_t *stops,
                            int64_t rows, const uint8_t *name_content, const int32_t *name_bounds,
                            int32_t name_count, uint8_t *content, int32_t *bounds,
                            uint8_t *is_there) {
    const names n = {name_content, name_bounds, name_count};
    uint8_t *to = content;
    bounds[0] = 0;
    for (int64_t row = 0; row < rows; row++) {
        int found = read_member(data + starts[row], data + stops[row], &n, &to);
        if (found < 0 || to - content > INT32_MAX) return 0;
        is_there[row] = (uint8_t)found;
        bounds[row + 1] = (int32_t)(to - content);
    }
    return 1;
}

/* ---- Parts of records, put together ----------------------------------------------------------- */

/* The views that Arrow has for binary values which are parts of one buffer, 16 bytes each: of a short
   value its bytes, of others where they are. */
EXPORT void make_views(const uint8_t *data, const int64_t *starts, const int64_t *stops, int64_t rows,
                       uint8_t *views) {
    for (int64_t row = 0; row < rows; row++, views += 16) {
        int64_t length = stops[row] - starts[row];
        int32_t parts[4] = {(int32_t)length, 0, 0, (int32_t)starts[row]};
        const int is_short = length <= 12;
        if (is_short) parts[3] = 0;
        memcpy(views, parts, 16);
        memcpy(views + 4, data + starts[row], (size_t)(is_short ? length : 4));
    }
}

/* How many bytes some columns have, and these bytes, row by row. */
EXPORT int64_t joined_bytes(const texts *columns, int32_t count) {
    int64_t total = 0, length;
    for (int32_t i = 0; i < count; i++)
        for (int64_t row = 0; row < columns[i].length; row++) {
            text_at(&columns[i], row, &length);
            total += length;
        }
    return total;
}

EXPORT void join_rows(const texts *columns, int32_t count, uint8_t *to) {
    int64_t length;
    for (int64_t row = 0; count > 0 && row < columns->length; row++)
        for (int32_t i = 0; i < count; i++) {
            const uint8_t *text = text_at(&columns[i], row, &length);
            if (length > 0) memcpy(to, text, (size_t)length);
            to += length;
        }
}
