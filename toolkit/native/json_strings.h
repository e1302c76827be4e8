/* Read one string from each of many JSON objects. */

enum { DEEPEST = 32 };

/* Find the next special byte of a string: a quote, a backslash or a control character. */
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

/* Return the value of four hexadecimal digits, or -1 if they are not digits. */
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

/* Read an escape after its backslash; NULL if it is invalid, a NUL, or half of a surrogate pair.
   Writes the character at `*to`, and advances it. */
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

/* Read a string from after its opening quote; return the position after its closing quote, or
   NULL if it is invalid. Writes the characters at `*to`, and advances it, unless `to` is NULL. */
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

/* Return the end of a value; NULL if it is invalid, or nested deeper than `left`. */
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

/* A list of names; name i is from `bounds[i]` to `bounds[i + 1]`. */
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

/* Read the member of an object with the first of the names, and write it at `*to`. Returns 1, or
   0 if it is null or missing, or -1 if the object is not as `read_members` requires. */
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

/* Read the member of each object with the first of the names. `content` has room for all bytes
   of the objects; string i is from `bounds[i]` to `bounds[i + 1]`; `is_there` (rows) is 0 for
   null and missing members. Returns 0 unless each text, from its start to its stop, is one
   object in UTF-8 that has the name at most once, with a string or null, none of the other
   names, and no name with an escape. It may also return 0 for such objects. */
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
