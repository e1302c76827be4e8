/* The fields and lines of a text by plain loops over its bytes, to compare the native core with. */

/* Whether the bytes before a place are UTF-8. */
PLAIN int is_plain_utf8(const uint8_t *text, int64_t stop) {
    static const uint32_t fewest[] = {0, 0x80, 0x800, 0x10000};
    for (int64_t at = 0; at < stop;) {
        uint32_t c = text[at++];
        int more = c < 0x80 ? 0 : (c & 0xE0) == 0xC0 ? 1 : (c & 0xF0) == 0xE0 ? 2 : 3;
        if (c >= 0x80 && (c < 0xC0 || c >= 0xF8)) return 0;
        if (more > 0) c &= 0x3Fu >> more;
        for (int i = 0; i < more; i++, at++) {
            if (at >= stop || text[at] < 0x80 || text[at] >= 0xC0) return 0;
            c = c << 6 | (text[at] & 0x3Fu);
        }
        if (c < fewest[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
    }
    return 1;
}

/* Find what `find_cuts` does; there is room for a place of each byte. */
PLAIN cuts plain_cuts(const uint8_t *text, int64_t length, uint8_t mark, int quote, int at_end,
                      int64_t *delimiters, int64_t *newlines) {
    enum { AT_START, IN_FIELD, IN_QUOTES, BEHIND_QUOTE } where = AT_START;
    cuts found = {0};
    int64_t all_lines = 0, last = -1;
    for (int64_t at = 0; at < length; at++) {
        uint8_t c = text[at];
        int is_quote = quote != '\n' && c == quote, is_last = at == length - 1;
        all_lines += c == '\n';
        if (where == IN_QUOTES) {
            where = is_quote ? BEHIND_QUOTE : IN_QUOTES;
        } else if (is_quote) {
            if (where == IN_FIELD) return found; /* else one opens, or is doubled */
            where = IN_QUOTES;
        } else if (c == mark) {
            delimiters[found.delimiters++] = at;
            where = AT_START;
        } else if (c == '\n') {
            newlines[found.newlines++] = last = at;
            found.lines = all_lines;
            where = AT_START;
        } else if (c == '\r') {
            if (is_last ? where == BEHIND_QUOTE : text[at + 1] != '\n') return found;
            where = IN_FIELD;
        } else {
            if (where == BEHIND_QUOTE) return found;
            where = IN_FIELD;
        }
    }
    if (at_end && (where == IN_QUOTES || (length > 0 && text[length - 1] != '\n'))) return found;
    found.is_regular = 1;
    found.is_utf8 = is_plain_utf8(text, last + 1);
    return found;
}
