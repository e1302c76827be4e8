/* Fuzz the parts of the native core that look at bytes of files, and at JSON: any bytes become a call.

What is found must be what plain loops find. The inputs to start from are in fuzz_records.py; how to
compile and run it, in fuzzing.py. Networks are in fuzz_networks.c.

The first byte of an input says what is called; the next ones how, see each function. */

#include "fuzzing.h"

#include "plain_json.h"
#include "plain_records.h"

enum { END_MARK = 0xFF, MOST_NAMES = 4, MOST_ROWS = 64, MOST_SHIFT = 64 };

/* The last bytes of an input, with others before them so that their address is any. */
static uint8_t *moved(const uint8_t *data, int64_t size, int64_t shift, uint8_t **start) {
    uint8_t *made = exactly(shift + size);
    if (shift > 0) memset(made, '"', (size_t)shift);
    if (size > 0) memcpy(made + shift, data, (size_t)size);
    *start = made + shift;
    return made;
}

/* How much room there is: none, enough, or what an input says. */
static int64_t room_of(uint8_t chosen, int64_t needed) {
    int64_t rooms[] = {0, 1, needed, needed + 1, needed > 0 ? needed - 1 : 0};
    return chosen < 5 ? rooms[chosen] : chosen - 5;
}

static void check_places(const int64_t *found, int64_t count, int64_t room, const int64_t *expected) {
    for (int64_t i = 0; i < count && i < room; i++) CHECK(found[i] == expected[i]);
}

/* Byte 1: bit 0 the end of a file, 1 without quotes, 2-7 the address; 2 and 3: the marks; 4: room. */
static void try_cuts(const uint8_t *data, int64_t size) {
    if (size < 5) return;
    uint8_t mark = data[2] & 0x7F, q = data[3] & 0x7F, *text;
    if (mark == '\n' || mark == '\r') mark = ',';
    if (q == '\n' || q == '\r' || q == mark) q = mark == '"' ? '\'' : '"';
    int at_end = data[1] & 1, quote = data[1] & 2 ? '\n' : q;
    int64_t length = size - 5;
    uint8_t *made = moved(data + 5, length, data[1] >> 2, &text);
    int64_t *all_delimiters = exactly(8 * length), *all_newlines = exactly(8 * length);
    cuts expected = plain_cuts(text, length, mark, quote, at_end, all_delimiters, all_newlines);
    int64_t most = expected.delimiters > expected.newlines ? expected.delimiters : expected.newlines;
    int64_t room = room_of(data[4], most);
    int64_t *delimiters = exactly(8 * room), *newlines = exactly(8 * room);
    cuts found;
    memset(&found, 0xAA, sizeof found);
    find_cuts(text, length, mark, quote, at_end, room, delimiters, newlines, &found);
    CHECK(found.is_regular == expected.is_regular);
    if (found.is_regular) {
        CHECK(found.delimiters == expected.delimiters && found.newlines == expected.newlines);
        CHECK(found.lines == expected.lines && found.is_utf8 == expected.is_utf8);
        check_places(delimiters, found.delimiters, room, all_delimiters);
        check_places(newlines, found.newlines, room, all_newlines);
    }
    free(made), free(delimiters), free(newlines), free(all_delimiters), free(all_newlines);
}

/* Byte 1: bits 2-7 the address; 2: room. */
static void try_lines(const uint8_t *data, int64_t size) {
    if (size < 3) return;
    int64_t length = size - 3, count = 0;
    int32_t is_utf8 = -1;
    uint8_t *text, *made = moved(data + 3, length, data[1] >> 2, &text);
    int64_t *all = exactly(8 * length);
    for (int64_t at = 0; at < length; at++)
        if (text[at] == '\n') all[count++] = at;
    int64_t room = room_of(data[2], count), *newlines = exactly(8 * room);
    CHECK(find_lines(text, length, room, newlines, &is_utf8) == count);
    CHECK(is_utf8 == is_plain_utf8(text, count > 0 ? all[count - 1] + 1 : 0));
    check_places(newlines, count, room, all);
    free(made), free(all), free(newlines);
}

/* Byte 1: how many strings are names, bits 2-7 the address. They, and objects, have an end mark. */
static void try_members(const uint8_t *data, int64_t size) {
    if (size < 2) return;
    int32_t wanted = data[1] % MOST_NAMES + 1, stops[MOST_NAMES + MOST_ROWS], bounds[MOST_NAMES + 1] = {0};
    int32_t count = 0;
    int64_t length = size - 2;
    uint8_t *text, *made = moved(data + 2, length, data[1] >> 2, &text);
    for (int32_t at = 0; at < length && count < wanted + MOST_ROWS; at++)
        if (text[at] == END_MARK) stops[count++] = at;
    uint8_t *content = NULL, *scratch = NULL, *strings = NULL, *is_there = NULL, *names_made = NULL;
    int64_t *starts = NULL, *ends = NULL;
    int32_t *places = NULL, at = 0;
    if (count <= wanted) goto done;
    int64_t total = 0, rows = count - wanted, expected_total = 0;
    names_made = exactly(stops[wanted - 1]);
    for (int32_t i = 0; i < wanted; at = stops[i] + 1, i++) {
        bounds[i + 1] = bounds[i] + stops[i] - at;
        if (stops[i] > at) memcpy(names_made + bounds[i], text + at, (size_t)(stops[i] - at));
    }
    names n = {names_made, bounds, wanted};
    starts = exactly(8 * rows), ends = exactly(8 * rows);
    for (int64_t row = 0; row < rows; at = stops[wanted + row] + 1, row++) {
        starts[row] = at, ends[row] = stops[wanted + row];
        total += ends[row] - starts[row];
    }
    strings = exactly(length), scratch = exactly(length);
    content = exactly(total), is_there = exactly(rows), places = exactly(4 * (rows + 1));
    /* Behind the last object is nothing, as in a file whose last line has no end. */
    int64_t kept = ends[rows - 1];
    uint8_t *objects = exactly(kept);
    if (kept > 0) memcpy(objects, text, (size_t)kept);
    int found = read_members(objects, starts, ends, rows, names_made, bounds, wanted, content, places, is_there);
    int expected = 1;
    for (int64_t row = 0; row < rows; row++) {
        int64_t bytes = 0;
        reader r = {objects + starts[row], 0, ends[row] - starts[row], 0};
        int state = plain_member(r, &n, strings, &bytes, scratch);
        expected &= state >= 0;
        if (!found || !expected) continue;
        CHECK(is_there[row] == state && places[row] == expected_total);
        if (state == 1 && bytes > 0) CHECK(memcmp(content + places[row], strings, (size_t)bytes) == 0);
        expected_total += state == 1 ? bytes : 0;
        CHECK(places[row + 1] == expected_total);
    }
    CHECK(found == expected);
    free(objects);
done:
    free(made), free(names_made), free(starts), free(ends), free(strings), free(scratch);
    free(content), free(is_there), free(places);
}

/* Byte 1: how many parts; where each starts, and its length, is a byte each. Then their data. */
static void try_parts(const uint8_t *data, int64_t size) {
    if (size < 2 || size < 2 + 2 * (int64_t)data[1]) return;
    int64_t rows = data[1], length = size - 2 - 2 * rows, total = 0;
    int64_t *starts = exactly(8 * rows), *stops = exactly(8 * rows), bounds[0x100] = {0};
    uint8_t *text, *made = moved(data + 2 + 2 * rows, length, 0, &text), *views = exactly(16 * rows);
    for (int64_t row = 0; row < rows; row++) {
        starts[row] = least(data[2 + 2 * row], length);
        stops[row] = least(starts[row] + data[3 + 2 * row], length);
        int64_t bytes = stops[row] - starts[row];
        bounds[row + 1] = bounds[row] + bytes;
        /* As Arrow has them: of a short value its bytes, of others where they are. */
        int32_t view[4] = {(int32_t)bytes, 0, 0, bytes > 12 ? (int32_t)starts[row] : 0};
        if (bytes > 0) memcpy(view + 1, text + starts[row], bytes > 12 ? 4 : (size_t)bytes);
        memcpy(views + 16 * row, view, 16);
    }
    uint8_t *copied = exactly(bounds[rows]);
    for (int64_t row = 0; row < rows; total = bounds[++row])
        if (bounds[row + 1] > total) memcpy(copied + total, text + starts[row], (size_t)(bounds[row + 1] - total));
    const uint8_t *first = text, *second = copied;
    const texts columns[] = {
        {.places = views, .contents = &first, .length = rows, .kind = STRING_VIEW},
        {.places = bounds, .contents = &second, .length = rows, .kind = LARGE_STRING},
    };
    CHECK(joined_bytes(columns, 2) == 2 * bounds[rows] && joined_bytes(columns, 0) == 0);
    uint8_t *joined = exactly(2 * bounds[rows]), *at = joined;
    join_rows(columns, 2, joined), join_rows(columns, 0, NULL);
    for (int64_t row = 0; row < rows; row++) {
        size_t bytes = (size_t)(stops[row] - starts[row]);
        for (int i = 0; i < 2 && bytes > 0; i++, at += bytes) CHECK(memcmp(at, text + starts[row], bytes) == 0);
    }
    free(starts), free(stops), free(made), free(views), free(copied), free(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const all[])(const uint8_t *, int64_t) = {try_cuts, try_lines, try_members, try_parts};
    if (size > 0) all[data[0] % 4](data, (int64_t)size);
    return 0;
}
