/* Units of several bytes: characters beyond ASCII, tags and entities. */

/* Bytes of a text, at most PIECE. The rest of the last block counts as separators. */
typedef struct {
    uint8_t lower[PIECE + PADDING];
    block_marks marks[PIECE / BLOCK];
    uint64_t splits[PIECE / BLOCK]; /* bits of the bytes at which a token begins or ends at an emoji */
    int64_t blocks;
    int32_t has_splits; /* 0: `splits` have no meaning */
} piece;

/* A unit of a text. */
typedef struct {
    int32_t kind, bytes; /* 0 bytes: not a unit */
} unit;

/* Return the character beyond ASCII that begins at a position. */
static inline unit character_at(const rule *r, const uint8_t *at, int64_t left) {
    uint32_t lead = at[0], character;
    unit none = {OF_WORD, 0};
    int32_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF0 || left < bytes) return none;
    for (int32_t i = 1; i < bytes; i++)
        if ((at[i] & 0xC0) != 0x80) return none;
    character = (lead & (0x7Fu >> bytes)) << 6 | (at[1] & 0x3Fu);
    for (int32_t i = 2; i < bytes; i++) character = character << 6 | (at[i] & 0x3Fu);
    /* Is it longer than its shortest form? */
    if (character < (bytes == 4 ? 0x10000u : bytes == 3 ? 0x800u : 0x80u)) return none;
    return (unit){kind_of(r, character), bytes};
}

static inline int is_letter(uint8_t c) { return (uint8_t)((c | 32) - 'a') < 26; }

/* Return the number of bytes of the tag that begins at a position; 0: it is not a tag. */
static inline int32_t tag_bytes(const uint8_t *at, int64_t left) {
    int32_t i = 1, most = (int32_t)(left < LONGEST_TAG ? left : LONGEST_TAG), end;
    if (i < most && at[i] == '!') {
        i++;
    } else {
        if (i < most && at[i] == '/') i++;
        end = i + 16;
        if (i >= most || !is_letter(at[i])) return 0;
        while (i < most && i < end && (is_letter(at[i]) || (uint8_t)(at[i] - '0') < 10)) i++;
        if (i < most && at[i] == '>') return i + 1;
        if (i >= most || !((uint8_t)(at[i] - '\t') < 5 || at[i] == ' ' || at[i] == '/')) return 0;
        i++;
    }
    for (end = i + 200; i < most && i <= end; i++) {
        if (at[i] == '>') return i + 1;
        if (at[i] == '<' || at[i] == 0 || at[i] > 127) return 0;
    }
    return 0;
}

/* Return the entity that begins at a position. */
static unit entity_at(const words *entities, const uint8_t *at, int64_t left) {
    uint8_t lower[16 + PADDING] = {0};
    int32_t most = (int32_t)(left < (int64_t)entities->longest ? left : (int64_t)entities->longest);
    for (int32_t i = 0; i < most && i < 16; i++) {
        lower[i] = (uint8_t)(at[i] + ((uint8_t)(at[i] - 'A') < 26 ? 'a' - 'A' : 0));
        if (at[i] != ';') continue;
        lookup one = {.at = lower, .length = (uint32_t)i + 1};
        one.hash = hash_of(lower, one.length, one.start);
        int32_t kind = id_of(entities, &one);
        return kind == UNKNOWN_ID ? (unit){0} : (unit){kind, i + 1};
    }
    return (unit){0};
}

/* Return the unit that begins at a position, other than a tag. */
static inline unit unit_at(const words *w, const uint8_t *at, int64_t left) {
    if (at[0] > 127) return character_at(&w->rule, at, left);
    if (!w->rule.has_markup) return (unit){0};
    if (at[0] == '<') return (unit){SEPARATOR, tag_bytes(at, left)};
    if (at[0] == '&' && w->entities != NULL) {
        unit entity = entity_at(w->entities, at, left);
        return (unit){entity.kind & KINDS, entity.bytes};
    }
    return (unit){0};
}

/* Check whether the characters before and at a position belong to words. */
static int is_word_before(const rule *r, const uint8_t *text, int64_t at) {
    if (at == 0) return 0;
    if (text[at - 1] < 128) return kind_of(r, text[at - 1]) == OF_WORD;
    for (int32_t bytes = 2; bytes <= 4 && bytes <= at; bytes++) {
        unit u = character_at(r, text + at - bytes, bytes);
        if (u.bytes == bytes) return u.kind == OF_WORD;
    }
    return 1;
}

static int is_word_at(const rule *r, const uint8_t *text, int64_t length, int64_t at) {
    if (at >= length) return 0;
    if (text[at] < 128) return kind_of(r, text[at]) == OF_WORD;
    return character_at(r, text + at, length - at).kind == OF_WORD;
}

/* A text, and the range of its bytes in a piece. */
typedef struct {
    const words *words;
    const uint8_t *text;
    int64_t length, from, to;
} part;

static inline void set_bits(const part *t, piece *p, int64_t start, int64_t stop, int value) {
    for (int64_t i = start < t->from ? t->from : start; i < stop && i < t->to; i++) {
        uint64_t *bits = &p->marks[(i - t->from) / BLOCK].separators;
        uint64_t bit = UINT64_C(1) << (i - t->from) % BLOCK;
        *bits = value ? *bits | bit : *bits & ~bit;
    }
}

static inline void set_split(const part *t, piece *p, int64_t at) {
    if (at >= t->from && at < t->to)
        p->splits[(at - t->from) / BLOCK] |= UINT64_C(1) << (at - t->from) % BLOCK;
}

/* Return the end of the tag around `from`; without a tag, `from`. */
static int64_t end_of_tag(const part *t) {
    int64_t left = t->length - t->from, most = left < LONGEST_TAG ? left : LONGEST_TAG;
    if (t->from == 0 || memchr(t->text + t->from, '>', (size_t)most) == NULL) return t->from;
    for (int64_t at = t->from - 1; at >= 0 && at > t->from - LONGEST_TAG; at--) {
        if (t->text[at] == '>') break;
        if (t->text[at] != '<') continue;
        int64_t end = at + tag_bytes(t->text + at, t->length - at);
        return end > t->from ? end : t->from;
    }
    return t->from;
}

/* Mark a unit as separators, or, in the second pass, by its kind. Returns whether it needs the
   second pass. */
static inline int mark_unit(const part *t, piece *p, int64_t at, unit u, int is_second) {
    const rule *r = &t->words->rule;
    int64_t end = at + u.bytes;
    if (u.bytes == 0 || u.kind == OF_WORD) return 0;
    if (!is_second) {
        set_bits(t, p, at, end, 1);
        return u.kind != SEPARATOR;
    }
    if (u.kind == EMOJI) {
        set_bits(t, p, at, end, 0);
        set_split(t, p, at), set_split(t, p, end);
    } else if (u.kind == APOSTROPHE && is_word_before(r, t->text, at) &&
               is_word_at(r, t->text, t->length, end)) {
        set_bits(t, p, at, end, 0);
    }
    return 0;
}

enum { BEFORE = 16 }; /* bytes before a piece: an entity or a character in it may begin there */

/* Mark all units of a piece. Returns whether a second pass is needed. */
static int mark_units(const part *t, piece *p, int64_t tag_end, int is_second) {
    int again = 0;
    for (int64_t at = t->from < BEFORE ? 0 : t->from - BEFORE; at < t->from; at++)
        if (t->text[at] > 127 || (t->text[at] == '&' && tag_end == t->from))
            again |= mark_unit(t, p, at, unit_at(t->words, t->text + at, t->length - at),
                               is_second);
    if (!is_second) set_bits(t, p, t->from, tag_end, 1);
    for (int64_t b = 0; b < p->blocks; b++)
        for (uint64_t rare = p->marks[b].rare; rare; rare &= rare - 1) {
            int64_t at = t->from + BLOCK * b + __builtin_ctzll(rare);
            if (at < tag_end) continue;
            unit u = unit_at(t->words, t->text + at, t->length - at);
            again |= mark_unit(t, p, at, u, is_second);
            if (t->text[at] == '<' && u.bytes > 0) tag_end = at + u.bytes;
        }
    return again;
}

/* Make each ' between characters of words part of the word. */
static void join_at_quotes(const part *t, piece *p) {
    const rule *r = &t->words->rule;
    uint64_t before = 0;
    if (p->marks[0].quotes & 1) before = (uint64_t)is_word_before(r, t->text, t->from);
    for (int64_t b = 0; b < p->blocks; b++) {
        block_marks *m = &p->marks[b];
        uint64_t inside = ~m->separators, after = 0;
        if (m->quotes >> 63)
            after = b + 1 < p->blocks ? ~m[1].separators
                                      : (uint64_t)is_word_at(r, t->text, t->length, t->to);
        m->separators &= ~(m->quotes & (inside << 1 | before) & (inside >> 1 | after << 63));
        before = inside >> 63;
    }
}

/* Read the bytes of a text between two positions, at most PIECE. */
static void read_piece(const words *w, const uint8_t *text, int64_t length, int64_t from, int64_t to,
                       piece *p) {
    int64_t bytes = to - from, whole = bytes / BLOCK, rest = bytes % BLOCK;
    w->scan(&w->rule, text + from, whole, p->lower, p->marks);
    p->blocks = whole;
    p->has_splits = 0;
    if (rest > 0) { /* do not read beyond the end */
        uint8_t end[BLOCK] = {0};
        memcpy(end, text + from + BLOCK * whole, (size_t)rest);
        w->scan(&w->rule, end, 1, p->lower + BLOCK * whole, p->marks + whole);
        p->marks[whole].separators |= UINT64_MAX << rest;
        p->blocks++;
    }
    part t = {w, text, length, from, to};
    int64_t tag_end = w->rule.has_markup ? end_of_tag(&t) : from;
    int again = mark_units(&t, p, tag_end, 0);
    if (w->rule.has_markup) join_at_quotes(&t, p);
    if (!again) return;
    p->has_splits = 1;
    memset(p->splits, 0, sizeof *p->splits * (size_t)p->blocks);
    mark_units(&t, p, tag_end, 1);
}
