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

static const uint32_t wide_of_rule_3[] = {0x200D, 0xFE0E, 0xFE0F, 0x1F3FB, 0x1F3FC, 0x1F3FD, 0x1F3FE, 0x1F3FF};

enum { PLAIN_WORD, PLAIN_SEPARATOR, PLAIN_EMOJI, PLAIN_APOSTROPHE };

static int is_one_of(const uint32_t *characters, size_t count, uint32_t c) {
    for (size_t i = 0; i < count; i++)
        if (characters[i] == c) return 1;
    return 0;
}

PLAIN int plain_kind(int version, uint32_t c) {
    if (c < 128 && c != 0 && strchr(ascii_separators, (int)c) != NULL) return PLAIN_SEPARATOR;
    if (version > 1 && is_one_of(wide_of_rule_2, sizeof wide_of_rule_2 / sizeof *wide_of_rule_2, c))
        return PLAIN_SEPARATOR;
    if (version < 3) return PLAIN_WORD;
    if (is_one_of(wide_of_rule_3, sizeof wide_of_rule_3 / sizeof *wide_of_rule_3, c)) return PLAIN_SEPARATOR;
    if (c == '\'' || c == 0x2019 || c == 0xB4) return PLAIN_APOSTROPHE;
    int is_emoji = (c >= 0x2600 && c <= 0x27BF) || c == 0x2B50 || (c >= 0x1F1E6 && c <= 0x1F1FF) ||
                   (c >= 0x1F300 && c <= 0x1FAFF);
    return is_emoji ? PLAIN_EMOJI : PLAIN_WORD;
}

/* How many bytes at a place are one character: those that are not UTF-8 are alone. */
PLAIN int64_t plain_character(const uint8_t *at, int64_t left, uint32_t *c) {
    for (int64_t bytes = 2; bytes <= 4 && bytes <= left; bytes++) {
        static const uint32_t least_of[] = {0, 0, 0x80, 0x800, 0x10000}, lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
        if ((at[0] & (0xFF << (7 - bytes) & 0xFF)) != lead[bytes]) continue;
        *c = at[0] & (0x7Fu >> bytes);
        int64_t i = 1;
        for (; i < bytes && (at[i] & 0xC0) == 0x80; i++) *c = *c << 6 | (at[i] & 0x3F);
        if (i == bytes && *c >= least_of[bytes]) return bytes;
    }
    *c = at[0] < 128 ? at[0] : 0xDC00 + at[0];
    return 1;
}

PLAIN uint8_t plain_lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; }

/* How many bytes a tag has, 0 if none is there. */
PLAIN int64_t plain_tag(const uint8_t *at, int64_t left) {
    int64_t end = 1, name = 1;
    while (end < left && at[end] != '>' && at[end] != '<' && at[end] != 0 && at[end] < 128) end++;
    if (at[0] != '<' || end >= left || at[end] != '>') return 0;
    if (at[1] == '!') return end - 2 <= 200 ? end + 1 : 0;
    if (at[1] == '/') name++;
    int64_t stop = name;
    while ((plain_lower(at[stop]) >= 'a' && plain_lower(at[stop]) <= 'z') ||
           (stop > name && at[stop] >= '0' && at[stop] <= '9'))
        stop++;
    if (stop == name || stop - name > 16) return 0;
    if (stop == end) return end + 1;
    return strchr("\t\n\v\f\r /", at[stop]) != NULL && end - stop - 1 <= 200 ? end + 1 : 0;
}

/* Some entities are enough here. */
static const char *const separator_entities[] = {"&quot;", "&#34;", "&hellip;", "&#x2026;"};
static const char *const apostrophe_entities[] = {"&#39;", "&rsquo;", "&#x27;"};

PLAIN int64_t plain_entity(const uint8_t *at, int64_t left, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t same = 0, length = (int64_t)strlen(names[i]);
        while (same < length && same < left && plain_lower(at[same]) == (uint8_t)names[i][same]) same++;
        if (same == length) return length;
    }
    return 0;
}

/* How many bytes at a place are one thing, and its kind. */
PLAIN int64_t plain_unit(int version, const uint8_t *at, int64_t left, int *kind) {
    int64_t bytes = 0;
    uint32_t c;
    *kind = PLAIN_SEPARATOR;
    if (version == 3 && (bytes = plain_tag(at, left)) > 0) return bytes;
    if (version == 3 && (bytes = plain_entity(at, left, separator_entities, 4)) > 0) return bytes;
    *kind = PLAIN_APOSTROPHE;
    if (version == 3 && (bytes = plain_entity(at, left, apostrophe_entities, 3)) > 0) return bytes;
    bytes = plain_character(at, left, &c);
    *kind = plain_kind(version, c);
    return bytes;
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
    int64_t found = 0, length = 0, end = 0;
    int before = PLAIN_SEPARATOR, kind, next;
    while (!text->is_null && end < text->length && (version == 1 || text->bytes[end] != 0)) end++;
    for (int64_t at = 0, bytes; at < end; at += bytes, before = kind) {
        bytes = plain_unit(version, text->bytes + at, end - at, &kind);
        int is_in_token = kind == PLAIN_WORD || kind == PLAIN_EMOJI;
        if (kind == PLAIN_APOSTROPHE && before == PLAIN_WORD && at + bytes < end) {
            plain_unit(version, text->bytes + at + bytes, end - at - bytes, &next);
            is_in_token = next == PLAIN_WORD;
        }
        if (length > 0 && (!is_in_token || kind == PLAIN_EMOJI || before == PLAIN_EMOJI)) {
            ids[found++] = plain_id(vocabulary, count, token, length);
            length = 0;
        }
        for (int64_t i = 0; is_in_token && i < bytes; i++) token[length++] = plain_lower(text->bytes[at + i]);
    }
    if (length > 0) ids[found++] = plain_id(vocabulary, count, token, length);
    return found;
}
