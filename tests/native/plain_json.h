/* A string in each of some JSON objects by a plain reader, to compare the native core with. */

/* Some bytes and a place in them, where `next` is -1 behind the end; `is_bad` stays once it is set. */
typedef struct {
    const uint8_t *bytes;
    int64_t at, length;
    int is_bad;
} reader;

PLAIN int next(const reader *r, int64_t ahead) {
    return r->at + ahead < r->length ? r->bytes[r->at + ahead] : -1;
}

PLAIN int take(reader *r, int wanted) {
    int is_there = next(r, 0) == wanted;
    r->at += is_there;
    return is_there;
}

PLAIN void need(reader *r, int wanted) { r->is_bad |= !take(r, wanted); }

PLAIN void skip_space(reader *r) {
    while (take(r, ' ') || take(r, '\t') || take(r, '\r') || take(r, '\n')) continue;
}

/* The unit of UTF-16 that an escape is, after its `u`; -1 if it is invalid. */
PLAIN int32_t take_unit(reader *r) {
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        int c = next(r, i);
        const char *found = c > 0 ? strchr(digits, c) : NULL;
        if (found == NULL) return -1;
        unit = unit * 16 + (int32_t)(found - digits - (found - digits > 15 ? 6 : 0));
    }
    r->at += 4;
    return unit;
}

PLAIN int64_t put(uint8_t *to, int32_t c) {
    int bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = bytes - 1; i > 0; i--, c >>= 6) to[i] = (uint8_t)(0x80 + c % 64);
    to[0] = (uint8_t)(bytes == 1 ? c : c + (0xF0 << (4 - bytes) & 0xFF));
    return bytes;
}

/* Read a string with its quotes; gives the number of its bytes. */
PLAIN int64_t take_string(reader *r, uint8_t *to) {
    int64_t length = 0;
    need(r, '"');
    while (!r->is_bad && !take(r, '"')) {
        int c = next(r, 0);
        r->at++;
        if (c != '\\') {
            r->is_bad = c < 0x20;
            if (!r->is_bad) to[length++] = (uint8_t)c;
            continue;
        }
        c = next(r, 0);
        r->at++;
        if (c == '"' || c == '\\' || c == '/') to[length++] = (uint8_t)c;
        else if (c == 'b') to[length++] = 8;
        else if (c == 't') to[length++] = 9;
        else if (c == 'n') to[length++] = 10;
        else if (c == 'f') to[length++] = 12;
        else if (c == 'r') to[length++] = 13;
        else if (c == 'u') {
            int32_t unit = take_unit(r), low = 0;
            if (unit >= 0xD800 && unit < 0xDC00) {
                need(r, '\\'), need(r, 'u');
                low = r->is_bad ? -1 : take_unit(r);
                r->is_bad |= low < 0xDC00 || low > 0xDFFF;
                unit = ((unit & 0x3FF) << 10 | (low & 0x3FF)) + 0x10000;
            } else {
                r->is_bad |= unit <= 0 || (unit >= 0xDC00 && unit < 0xE000);
            }
            if (!r->is_bad) length += put(to + length, unit);
        } else {
            r->is_bad = 1;
        }
    }
    return length;
}

PLAIN void skip_digits(reader *r) {
    r->is_bad |= next(r, 0) < '0' || next(r, 0) > '9';
    while (next(r, 0) >= '0' && next(r, 0) <= '9') r->at++;
}

PLAIN void skip_number(reader *r) {
    take(r, '-');
    if (!take(r, '0')) skip_digits(r);
    if (take(r, '.')) skip_digits(r);
    if (!take(r, 'e') && !take(r, 'E')) return;
    if (!take(r, '+')) take(r, '-');
    skip_digits(r);
}

/* Read over any value, without recursion: which brackets are open is kept in `closing`. */
PLAIN void skip_value(reader *r, uint8_t *scratch) {
    uint8_t closing[DEEPEST];
    int depth = 0;
    for (;;) {
        int c = next(r, 0);
        int opened = c == '{' ? '}' : c == '[' ? ']' : 0;
        if (opened) {
            r->at++;
            r->is_bad |= depth == DEEPEST;
            if (r->is_bad) return;
            closing[depth++] = (uint8_t)opened;
            skip_space(r);
            if (!take(r, opened)) goto member;
            depth--;
        } else if (c == '"') {
            take_string(r, scratch);
        } else if (c == 't' || c == 'f' || c == 'n') {
            for (const char *w = c == 't' ? "true" : c == 'f' ? "false" : "null"; *w; w++) need(r, *w);
        } else {
            skip_number(r);
        }
        for (;;) { /* behind a value */
            if (r->is_bad || depth == 0) return;
            skip_space(r);
            if (!take(r, closing[depth - 1])) break;
            depth--;
        }
        need(r, ',');
        skip_space(r);
    member:
        if (closing[depth - 1] == '}') {
            take_string(r, scratch);
            skip_space(r), need(r, ':'), skip_space(r);
        }
        if (r->is_bad) return;
    }
}

PLAIN int is_name(const names *n, int32_t i, const uint8_t *name, int64_t length) {
    int64_t same = 0;
    if (n->bounds[i + 1] - n->bounds[i] != length) return 0;
    while (same < length && n->content[n->bounds[i] + same] == name[same]) same++;
    return same == length;
}

/* As `read_member`: 1 and the string, 0 for null or nothing, -1 for what is not usual. */
PLAIN int plain_member(reader r, const names *n, uint8_t *to, int64_t *length, uint8_t *scratch) {
    int found = -1, is_first = 1;
    need(&r, '{'), skip_space(&r);
    while (!r.is_bad) {
        if (is_first && take(&r, '}')) break;
        is_first = 0;
        int64_t start = r.at + 1, bytes = take_string(&r, scratch);
        if (r.is_bad || bytes != r.at - 1 - start) return -1; /* with an escape, it is longer */
        for (int32_t i = 1; i < n->count; i++)
            if (is_name(n, i, scratch, bytes)) return -1;
        int is_wanted = is_name(n, 0, scratch, bytes);
        skip_space(&r), need(&r, ':'), skip_space(&r);
        if (r.is_bad || (is_wanted && found >= 0)) return -1;
        if (is_wanted) found = next(&r, 0) == '"';
        if (found == 1 && is_wanted) *length = take_string(&r, to);
        else if (is_wanted && next(&r, 0) != 'n') return -1;
        else skip_value(&r, scratch);
        skip_space(&r);
        if (take(&r, '}')) break;
        need(&r, ','), skip_space(&r);
        r.is_bad |= next(&r, 0) == '}';
    }
    return r.is_bad || r.at != r.length ? -1 : found == 1;
}
