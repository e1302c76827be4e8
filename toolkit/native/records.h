/* Records in blocks of a file. */

#if defined(__x86_64__)
static inline uint64_t equal_bits(const uint8_t *at, uint8_t byte) {
    const __m128i sought = _mm_set1_epi8((char)byte);
    uint64_t bits = 0;
    for (int i = 0; i < BLOCK; i += 16)
        bits |= (uint64_t)BITS_16(_mm_cmpeq_epi8(LOAD_16(at + i), sought)) << i;
    return bits;
}

/* Check whether one of 64 bytes is one of two characters, or beyond ASCII. */
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

/* Return the number of bytes of a UTF-8 character; 0 if it is invalid. */
static inline int bytes_of_character(const uint8_t *at, int64_t left) {
    uint8_t lead = at[0];
    if (lead < 0x80) return 1;
    int bytes = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (bytes == 0 || bytes > left) return 0;
    for (int i = 1; i < bytes; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    /* Valid: in the shortest form, not half of a surrogate pair, not above U+10FFFF. */
    if ((lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F)) return 0;
    if ((lead == 0xF0 && at[1] < 0x90) || (lead == 0xF4 && at[1] > 0x8F)) return 0;
    return bytes;
}

/* Continue a check of UTF-8 from a position up to another, or to the first invalid character. */
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
    int64_t delimiters, newlines; /* numbers outside quotes, also if there was no room for all */
    int64_t lines;                /* up to the last of these newlines, with newlines inside quotes */
    int32_t is_regular;           /* 0: the other fields have no meaning */
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
    /* State of the byte before a block: may a field open after it, does it close a field, is it
       a CR outside quotes; and all ones if a quote is open. */
    uint64_t may_open = 1, closes = 0, returns = 0, open = 0;
    for (int64_t start = 0; start < length; start += BLOCK) {
        const uint8_t *at = text + start;
        uint64_t valid = UINT64_MAX;
        uint8_t end[BLOCK] = {0};
        if (length - start < BLOCK) { /* do not read beyond the end */
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
        uint64_t inside = quotes; /* from an opening quote to before its closing quote */
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
        if (stop == length) { /* a CR at the end may be of CR LF, but not after a quote */
            int places = (int)(length - start);
            uint64_t after_quotes = closing << 1 | closes;
            if (outer_returns & after_quotes & UINT64_C(1) << (places - 1)) return;
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

/* Find all newlines of a text. Returns their number, also if there was no room for all, and
   whether the text is UTF-8 up to the last newline. */
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

/* Join parts of records. */

/* Count the bytes of columns, and join them row by row. */
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
