/* Fuzz the native core: any bytes become a rule, words, texts in one of Arrow's layouts, and a call.

All instruction paths must give the ids of a plain loop over the bytes. The inputs to start from are in
fuzz_core.py; how to compile and run it, in fuzzing.py.

An input is four bytes and some strings, each with an end mark: words first, then texts.
0: bits 0 and 6 the rule, bits 1-2 the layout, 3 nulls or not, 4 addresses that are not aligned, 5 a
   bitmap without a null. 1: how many ids of a text. 2: how many strings are words. 3: how many texts are
   skipped by the offset. In a string, bytes that UTF-8 never has are commands: see `next_string`. */

#include "fuzzing.h"

#include "plain_tokens.h"

enum { MOST_WORDS = 256, MOST_TEXTS = 64 };
enum { END_MARK = 0xFF, NULL_MARK = 0xFE, REPEAT = 0xFD, WORD = 0xFC };

static const int64_t most_of_text[] = {1,   2,  3,   4,   31,   32,   33,   64,   100, INT64_MAX,
                                       511, 512, 513, 2047, 2048, 2049, 5000, 0};

/* ---- An input -------------------------------------------------------------------------------- */

/* Read a string up to its end mark. REPEAT, two bytes of a number, and a byte is that byte so often;
   WORD and a number is a word; NULL_MARK says that the text is null. */
static string next_string(const uint8_t **at, const uint8_t *end, int64_t most,
                          const string *vocabulary, int count) {
    static uint8_t bytes[MOST_BYTES];
    string read = {0};
    while (*at < end) {
        uint8_t c = *(*at)++;
        int64_t left = end - *at, room = most - read.length;
        if (c == END_MARK) break;
        if (c == NULL_MARK) {
            read.is_null = 1;
        } else if (c == REPEAT && left >= 3) {
            int64_t times = least((*at)[0] | ((*at)[1] & 0x1F) << 8, room);
            memset(bytes + read.length, (*at)[2], (size_t)times);
            read.length += times;
            *at += 3;
        } else if (c == WORD && left >= 1 && count > 0) {
            const string *known = &vocabulary[*(*at)++ % count];
            if (known->length > room || known->length == 0) continue;
            memcpy(bytes + read.length, known->bytes, (size_t)known->length);
            read.length += known->length;
        } else if (room > 0) {
            bytes[read.length++] = c;
        }
    }
    read.bytes = exactly(read.length);
    if (read.length > 0) memcpy(read.bytes, bytes, (size_t)read.length);
    return read;
}

typedef struct {
    int version, with_nulls, unaligned, with_bitmap;
    int64_t last;
    int32_t word_count, text_count;
    string vocabulary[MOST_WORDS], all[MOST_TEXTS];
    texts texts;
    uint8_t *places, *bitmap;
    const uint8_t *contents[MOST_TEXTS];
    uint8_t *content;
} input;

static void read_input(const uint8_t *data, int64_t size, input *in) {
    const uint8_t *at = data + 4, *end = data + size;
    in->version = data[0] >> 6 & 1 ? 3 : 1 + (data[0] & 1);
    in->texts.kind = (data[0] >> 1 & 3) % 3;
    in->with_nulls = data[0] >> 3 & 1, in->unaligned = data[0] >> 4 & 1;
    in->with_bitmap = data[0] >> 5 & 1;
    in->last = most_of_text[data[1] % (sizeof most_of_text / sizeof *most_of_text)];
    int64_t room = MOST_BYTES;
    for (int32_t i = 0; i < data[2] && at < end; i++) {
        in->vocabulary[i] = next_string(&at, end, room, NULL, 0);
        room -= in->vocabulary[i].length, in->word_count = i + 1;
    }
    room = MOST_BYTES;
    for (int32_t i = 0; i < MOST_TEXTS && at < end; i++) {
        in->all[i] = next_string(&at, end, room, in->vocabulary, in->word_count);
        room -= in->all[i].length, in->text_count = i + 1;
    }
    in->texts.offset = data[3] % (in->text_count + 1);
    in->texts.length = in->text_count - in->texts.offset;
}

/* Put the texts into the buffers of an Arrow array. Those of nulls may hold anything. */
static void lay_out(input *in) {
    int64_t total = 0, at = 0, width = in->texts.kind == STRING ? 4 : 8;
    int is_view = in->texts.kind == STRING_VIEW;
    for (int32_t i = 0; i < in->text_count; i++) {
        total += in->all[i].length;
        in->all[i].is_null &= in->with_nulls;
    }
    in->with_bitmap |= in->with_nulls;
    if (in->with_bitmap) {
        in->bitmap = exactly((in->text_count + 7) / 8);
        if (in->text_count > 0) memset(in->bitmap, 0xFF, (size_t)(in->text_count + 7) / 8);
    }
    int64_t size = is_view ? 16 * in->text_count : width * (in->text_count + 1);
    in->places = exactly(in->unaligned + size);
    in->content = exactly(is_view ? 0 : total);
    uint8_t *places = in->places + in->unaligned;
    for (int32_t i = 0; i < in->text_count; i++) {
        const string *text = &in->all[i];
        if (text->is_null) in->bitmap[i / 8] &= (uint8_t)~(1 << i % 8);
        if (is_view) {
            int32_t view[4] = {(int32_t)text->length, 0, i, 0};
            in->contents[i] = text->bytes;
            int64_t within = text->length > 12 ? 4 : text->length;
            if (within > 0) memcpy(view + 1, text->bytes, (size_t)within);
            if (text->is_null) memset(view, 0xFF, sizeof view);
            memcpy(places + 16 * i, view, 16);
            continue;
        }
        memcpy(places + width * i, &at, (size_t)width); /* the low bytes come first */
        if (text->length > 0) memcpy(in->content + at, text->bytes, (size_t)text->length);
        at += text->length;
        memcpy(places + width * (i + 1), &at, (size_t)width);
    }
    if (!is_view) in->contents[0] = in->content;
    in->texts.validity = in->bitmap;
    in->texts.places = places;
    in->texts.contents = in->contents;
}

static void free_input(input *in) {
    for (int32_t i = 0; i < in->word_count; i++) free(in->vocabulary[i].bytes);
    for (int32_t i = 0; i < in->text_count; i++) free(in->all[i].bytes);
    free(in->places), free(in->bitmap), free(in->content);
}

/* ---- The comparison -------------------------------------------------------------------------- */

static rule make_rule(int version) {
    rule made = {.ends_at_nul = version > 1, .has_markup = version == 3};
    for (uint32_t c = 0; c < CHARACTERS; c++) {
        int kind = plain_kind(version, c); /* they are numbered alike */
        made.kinds[c / 4] |= (uint8_t)(kind << 2 * (c % 4));
        if (kind == PLAIN_WORD || c > 127) continue;
        int goes_on = made.ranges > 0 && made.last[made.ranges - 1] == c - 1;
        if (!goes_on) made.first[made.ranges++] = (uint8_t)c;
        made.last[made.ranges - 1] = (uint8_t)c;
    }
    CHECK(made.ranges <= MOST_RANGES);
    return made;
}

static words *make_entities(const rule *r, const char *path_name) {
    uint8_t content[128];
    int32_t bounds[8] = {0}, kinds[7];
    for (int32_t i = 0; i < 7; i++) {
        const char *name = i < 4 ? separator_entities[i] : apostrophe_entities[i - 4];
        kinds[i] = i < 4 ? SEPARATOR : APOSTROPHE;
        bounds[i + 1] = bounds[i] + (int32_t)strlen(name);
        memcpy(content + bounds[i], name, strlen(name));
    }
    return words_new(r, content, bounds, kinds, 7, path_name);
}

static words *make_words(const input *in, const char *path_name, int *too_long) {
    static rule rules[4];
    rule *r = &rules[in->version];
    if (r->ranges == 0) *r = make_rule(in->version);
    int64_t total = 0;
    int32_t *bounds = exactly(4 * (in->word_count + 1)), *ids = exactly(4 * in->word_count);
    bounds[0] = 0, *too_long = 0;
    for (int32_t i = 0; i < in->word_count; i++) {
        total += in->vocabulary[i].length;
        *too_long |= in->vocabulary[i].length > LONGEST_WORD;
        bounds[i + 1] = (int32_t)total, ids[i] = 4 + i;
    }
    uint8_t *content = exactly(total);
    for (int32_t i = 0; i < in->word_count; i++)
        if (in->vocabulary[i].length > 0)
            memcpy(content + bounds[i], in->vocabulary[i].bytes, (size_t)in->vocabulary[i].length);
    words *made = words_new(r, content, bounds, ids, in->word_count, path_name);
    free(bounds), free(ids), free(content); /* nothing may be used of them later */
    if (made != NULL && in->version == 3) words_know_entities(made, make_entities(r, path_name));
    return made;
}

/* The ids that are expected, and where those of each text stop. */
static int64_t plain_encode(const input *in, int32_t *values, int64_t *stops) {
    static int32_t all[MOST_BYTES];
    int64_t total = 0;
    for (int64_t row = 0; row < in->texts.length; row++) {
        const string *text = &in->all[row + in->texts.offset];
        int64_t count = plain_ids(in->version, in->vocabulary, in->word_count, text, all);
        int64_t kept = least(count, in->last);
        if (kept > 0) memcpy(values + total, all + count - kept, 4 * (size_t)kept);
        stops[row] = total += kept;
    }
    return total;
}

static void compare(const input *in, const words *w, int64_t total, const int32_t *expected,
                    const int64_t *expected_stops) {
    int64_t most = most_ids(&in->texts, in->last);
    CHECK(total <= most);
    int32_t *values = exactly(4 * most);
    int64_t *stops = exactly(8 * in->texts.length);
    int64_t *places = exactly(16 * most);
    uint8_t *ends = exactly(most);
    int64_t count = encode(w, &in->texts, in->last, values, stops, places, ends);
    CHECK(count == total);
    for (int64_t row = 0, i = 0, length; row < in->texts.length; row++) {
        text_at(&in->texts, row, &length);
        for (int64_t before = 0; i < stops[row]; before = places[2 * i++ + 1])
            CHECK(before <= places[2 * i] && places[2 * i] < places[2 * i + 1] &&
                  places[2 * i + 1] <= length && ends[i] <= 1);
    }
    free(places), free(ends);
    CHECK(encode(w, &in->texts, in->last, values, stops, NULL, NULL) == total);
    for (int64_t row = 0; row < in->texts.length; row++) CHECK(stops[row] == expected_stops[row]);
    for (int64_t i = 0; i < total; i++) CHECK(values[i] == expected[i]);
    free(values), free(stops);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static input in;
    static int32_t expected[MOST_BYTES];
    static int64_t stops[MOST_TEXTS];
    if (size < 4) return 0;
    in = (input){0};
    read_input(data, (int64_t)size, &in);
    lay_out(&in);
    int64_t total = plain_encode(&in, expected, stops);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int too_long;
        words *w = make_words(&in, paths[i].name, &too_long);
        int is_there = find_path(paths[i].name) != NULL;
        CHECK((w != NULL) == (is_there && !too_long));
        if (w != NULL) compare(&in, w, total, expected, stops);
        words_free(w);
    }
    free_input(&in);
    return 0;
}
