/* Split texts in Arrow's layouts into tokens. */

enum { STRING = 0, LARGE_STRING = 1, STRING_VIEW = 2 };

typedef struct {
    const uint8_t *validity; /* bits, or NULL if no text is null */
    const void *places;      /* 32-bit or 64-bit bounds, or views of 16 bytes */
    const uint8_t *const *contents; /* one buffer, or the buffers of the views */
    int64_t offset, length;  /* of the texts */
    int32_t kind;
} texts;

/* Return a bound; it may be unaligned if the array was imported. */
static inline int64_t place_at(const texts *t, int64_t i) {
    int32_t narrow;
    int64_t wide;
    if (t->kind == LARGE_STRING) return memcpy(&wide, (const uint8_t *)t->places + 8 * i, 8), wide;
    return memcpy(&narrow, (const uint8_t *)t->places + 4 * i, 4), narrow;
}

/* Return a text and its length; a null is empty. */
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

/* Return the most ids that `encode` can write: every second byte may be a token. */
EXPORT int64_t most_ids(const texts *t, int64_t last) {
    int64_t total = 0, length;
    for (int64_t row = 0; row < t->length; row++) {
        text_at(t, row, &length);
        total += least((length + 1) / 2, last);
    }
    return total;
}

/* Split texts into tokens. */

/* Bits of the bytes of a block at which no token continues from the byte before. */
static inline uint64_t bounds_of(const piece *p, int64_t block) {
    return p->marks[block].separators | (p->has_splits ? p->splits[block] : 0);
}

/* Bits of the bytes at which a token ends; `after` is the bit of the byte after the piece. */
static inline uint64_t ends_of(const piece *p, int64_t block, uint64_t after) {
    uint64_t next = block + 1 < p->blocks ? bounds_of(p, block + 1) : after;
    return ~p->marks[block].separators & (bounds_of(p, block) >> 1 | next << 63);
}

static int64_t count_ends(const piece *p, uint64_t after) {
    int64_t count = 0;
    for (int64_t b = 0; b < p->blocks; b++) count += __builtin_popcountll(ends_of(p, b, after));
    return count;
}

/* Return the position in a text longer than a piece from which its last tokens are read. */
static int64_t start_of_last(const words *w, const uint8_t *text, int64_t length, int64_t last,
                             piece *p) {
    uint64_t after = 1; /* the end of a text is a separator, too */
    int64_t found = 0;
    for (int64_t to = length, from; to > 0; to = from) {
        from = (to - 1) / PIECE * PIECE; /* so that only the last block of all may not be full */
        read_piece(w, text, length, from, to, p);
        int64_t count = count_ends(p, after);
        if (found + count > last) { /* the token before the first wanted one ends here */
            int64_t nth = found + count - last;
            for (int64_t b = 0;; b++) {
                uint64_t ends = ends_of(p, b, after);
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
        after = bounds_of(p, 0);
    }
    return 0;
}

/* Find the start and stop of each token of a piece, alternating. Returns the number of
   positions. */
static int64_t find_edges(const piece *p, uint16_t *edges) {
    int64_t count = 0;
    uint64_t before = 0; /* whether the byte before a block belongs to a token */
    for (int64_t b = 0; b < p->blocks; b++) {
        uint64_t inside = ~p->marks[b].separators, shifted = inside << 1 | before;
        uint64_t changes = inside ^ shifted;
        uint64_t splits = p->has_splits ? p->splits[b] & inside & shifted : 0;
        before = inside >> 63;
        for (; splits; splits &= splits - 1) { /* a stop and a start; before it all changes are */
            uint64_t bit = splits & -splits, until = changes & (bit - 1);
            for (; until; until &= until - 1)
                edges[count++] = (uint16_t)(BLOCK * b + __builtin_ctzll(until));
            changes &= ~(bit - 1);
            edges[count] = edges[count + 1] = (uint16_t)(BLOCK * b + __builtin_ctzll(bit));
            count += 2;
        }
        for (; changes; changes &= changes - 1)
            edges[count++] = (uint16_t)(BLOCK * b + __builtin_ctzll(changes));
    }
    if (before) edges[count++] = (uint16_t)(BLOCK * p->blocks);
    return count;
}

enum { AHEAD = 32 }; /* tokens whose slots are fetched while others are looked up */

/* The ids of tokens, and the start and stop of each in its text; NULL: not wanted. */
typedef struct {
    int32_t *ids;
    int64_t *places;
} token_list;

static inline token_list after(token_list found, int64_t count) {
    return (token_list){found.ids + count, found.places == NULL ? NULL : found.places + 2 * count};
}

/* Look up the tokens of a piece that begins at a position of its text. */
static int64_t look_up(const words *w, const piece *p, const uint16_t *edges, int64_t from,
                       int64_t to, int64_t begin, token_list found) {
    int32_t *values = found.ids;
    if (found.places != NULL)
        for (int64_t i = 2 * from; i < 2 * to; i++) *found.places++ = begin + edges[i];
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

/* Find the end of a token that is longer than a piece, from a position within it. */
static int64_t end_of_long(const words *w, const uint8_t *text, int64_t length, int64_t from,
                           piece *p) {
    for (int64_t to; from < length; from = to) {
        to = least(from + PIECE, length);
        read_piece(w, text, length, from, to, p);
        for (int64_t b = 0; b < p->blocks; b++)
            if (bounds_of(p, b))
                return least(from + BLOCK * b + __builtin_ctzll(bounds_of(p, b)), length);
    }
    return length;
}

/* Bytes of a token and its separators, more than the 5.6 of the IMDB reviews. */
enum { BYTES_OF_TOKEN = 8 };

/* Write the last tokens of a text. Returns their number. */
static int64_t encode_text(const words *w, const uint8_t *text, int64_t length, int64_t last,
                           token_list found) {
    piece p;
    uint16_t edges[PIECE + 8];
    int64_t window = last < PIECE / BYTES_OF_TOKEN ? BYTES_OF_TOKEN * last : PIECE - BLOCK;
    int64_t begin = length > window ? (length - window) / BLOCK * BLOCK : 0;
    if (length - begin <= PIECE) { /* usually, the last bytes are enough */
        read_piece(w, text, length, begin, length, &p);
        int64_t tokens = find_edges(&p, edges) / 2;
        if (begin == 0 || tokens > last) /* otherwise, the first token may be incomplete */
            return look_up(w, &p, edges, tokens > last ? tokens - last : 0, tokens, begin, found);
    }
    int64_t from = (length + 1) / 2 > last ? start_of_last(w, text, length, last, &p) : 0;
    int64_t total = 0;
    for (int64_t to; from < length; from = to) {
        to = least(from + PIECE, length);
        read_piece(w, text, length, from, to, &p);
        int64_t first = from, tokens = find_edges(&p, edges) / 2;
        if (to < length && tokens > 0 && from + edges[2 * tokens - 1] == to) {
            /* The last token may continue in the next piece. */
            tokens--;
            if (edges[2 * tokens] > 0) {
                to = from + edges[2 * tokens];
            } else {
                to = end_of_long(w, text, length, to, &p);
                if (found.places != NULL) found.places[2 * total] = from, found.places[2 * total + 1] = to;
                found.ids[total++] = UNKNOWN_ID;
            }
        }
        total += look_up(w, &p, edges, 0, tokens, first, after(found, total));
    }
    return total;
}

/* Return how the character or entity at a position ends a sentence, and its number of bytes. */
static unit end_at(const words *w, const uint8_t *text, int64_t length, int64_t at) {
    static const uint8_t long_ends[3][3] = {{0xE2, 0x80, 0xA6}, {0xE2, 0x80, 0xA8}, {0xE2, 0x80, 0xA9}};
    const uint8_t *c = text + at;
    int64_t left = length - at;
    int32_t back = 1;
    switch (*c) {
    case '!': case '?': case '\n': case '\r': case '\v': return (unit){ENDS, 1};
    case '.': return (unit){MAY_END, 1};
    case ';': /* unless it ends what looks like an entity */
        while (back <= LONGEST_ENTITY && back < at &&
               (is_letter(c[-back]) || (uint8_t)(c[-back] - '0') < 10 || c[-back] == '#'))
            back++;
        return (unit){back > 1 && back <= at && c[-back] == '&' ? 0 : ENDS, 1};
    case '<':
        if ((back = tag_bytes(c, left)) == 0) return (unit){0, 1};
        if (back < 4 || (c[1] | 32) != 'b' || (c[2] | 32) != 'r') return (unit){0, back};
        return (unit){is_letter(c[3]) || (uint8_t)(c[3] - '0') < 10 ? 0 : ENDS, back};
    case '&': {
        unit entity = w->entities == NULL ? (unit){0} : entity_at(w->entities, c, left);
        return (unit){entity.kind & ~KINDS, entity.bytes + (entity.bytes == 0)};
    }
    case 0xC2: return (unit){left > 1 && c[1] == 0x85 ? ENDS : 0, 1};
    case 0xE2:
        for (int32_t i = 0; i < 3 && left > 2; i++)
            if (memcmp(c, long_ends[i], 3) == 0) return (unit){ENDS, 3};
    }
    return (unit){0, 1};
}

/* Check whether a sentence ends between a token and the next token. */
static int ends_sentence(const words *w, const uint8_t *text, int64_t length, int64_t from,
                         const int64_t *next) {
    for (int64_t at = from, bytes; at < next[0]; at += bytes) {
        bytes = 1;
        if (text[at] == ' ' || text[at] == ',') continue;
        unit end = end_at(w, text, length, at);
        bytes = end.bytes;
        if (end.kind == ENDS) return 1;
        if (end.kind == MAY_END && (at + bytes < next[0] ||
                                    (text[next[0]] > 127 &&
                                     character_at(&w->rule, text + next[0], length - next[0]).kind == EMOJI)))
            return 1;
        if (text[at] == '<' && at + 1 == next[0] && next[1] - next[0] == 2 &&
            (text[at + 1] | 32) == 'b' && (text[at + 2] | 32) == 'r')
            return 1; /* a tag without its end */
    }
    return 0;
}

/* Write the ids of the last tokens of each text, at most `most_ids`, text by text, and where
   each text's ids stop, (texts). If wanted, also write the start and stop of each token in its
   text, and whether a sentence ends before it. Returns the number of all ids. */
EXPORT int64_t encode(const words *w, const texts *t, int64_t last, int32_t *values, int64_t *stops,
                      int64_t *places, uint8_t *cuts) {
    int64_t total = 0, length;
    for (int64_t row = 0; row < t->length; row++) {
        const uint8_t *text = text_at(t, row, &length);
        const uint8_t *nul = w->rule.ends_at_nul && length ? memchr(text, 0, (size_t)length) : NULL;
        if (nul != NULL) length = nul - text;
        token_list found = after((token_list){values, places}, total);
        int64_t count = length > 0 ? encode_text(w, text, length, last, found) : 0;
        for (int64_t i = 0; cuts != NULL && i < count; i++)
            cuts[total + i] = i > 0 && ends_sentence(w, text, length, found.places[2 * i - 1],
                                                     found.places + 2 * i);
        stops[row] = total += count;
    }
    return total;
}
