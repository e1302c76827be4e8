/* The token ids of a text by a plain loop over its bytes, to compare the native core with. */

enum { MOST_BYTES = 1 << 15 }; /* of a text */

typedef struct {
    uint8_t *bytes;
    int64_t length;
    int is_null;
} string;

static const uint32_t wide_of_rule_2[] = {
    0x85, 0xA0, 0xAB, 0xBB, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007,
    0x2008, 0x2009, 0x200A, 0x200B, 0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2018, 0x201A,
    0x201B, 0x201C, 0x201D, 0x201E, 0x201F, 0x2022, 0x2026, 0x2028, 0x2029, 0x202F, 0x2039, 0x203A,
    0x205F, 0x3000, 0xFEFF};
static const char ascii_separators[] = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r";

/* How many bytes of a text are a separator: 0 to 3. */
PLAIN int64_t separator_bytes(int version, const uint8_t *at, int64_t left) {
    static uint8_t is_wide[0x10000];
    for (size_t i = 0; !is_wide[0xFEFF] && i < sizeof wide_of_rule_2 / sizeof *wide_of_rule_2; i++)
        is_wide[wide_of_rule_2[i]] = 1;
    if (at[0] < 128) return at[0] != 0 && strchr(ascii_separators, at[0]) != NULL;
    if (version != 2) return 0;
    for (uint32_t bytes = 2; bytes <= 3 && bytes <= left; bytes++) {
        uint32_t c = bytes == 2 ? (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu)
                                : (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
        if (!is_wide[c] || (c < 0x800) != (bytes == 2)) continue;
        /* Is it written like that? */
        if (bytes == 2 && at[0] == (0xC0 | c >> 6) && at[1] == (0x80 | (c & 63))) return 2;
        if (bytes == 3 && at[0] == (0xE0 | c >> 12) && at[1] == (0x80 | (c >> 6 & 63)) &&
            at[2] == (0x80 | (c & 63)))
            return 3;
    }
    return 0;
}

PLAIN int32_t plain_id(const string *vocabulary, int32_t count, const uint8_t *token,
                       int64_t length) {
    for (int32_t i = 0; i < count; i++) {
        int64_t same = 0;
        if (vocabulary[i].length != length) continue;
        while (same < length && vocabulary[i].bytes[same] == token[same]) same++;
        if (same == length) return 4 + i;
    }
    return UNKNOWN_ID;
}

/* Write the ids of all tokens of a text. */
PLAIN int64_t plain_ids(int version, const string *vocabulary, int32_t count, const string *text,
                        int32_t *ids) {
    static uint8_t token[MOST_BYTES];
    int64_t found = 0, length = 0;
    for (int64_t at = 0; !text->is_null && at < text->length;) {
        if (version == 2 && text->bytes[at] == 0) break;
        int64_t bytes = separator_bytes(version, text->bytes + at, text->length - at);
        if (bytes == 0) {
            uint8_t c = text->bytes[at++];
            token[length++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
            continue;
        }
        if (length > 0) ids[found++] = plain_id(vocabulary, count, token, length);
        length = 0;
        at += bytes;
    }
    if (length > 0) ids[found++] = plain_id(vocabulary, count, token, length);
    return found;
}
