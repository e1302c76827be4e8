/* Fuzz the bodies of networks in the native core: any bytes become tables and token ids of reviews.

What is found must be what plain loops find. The inputs to start from are in fuzz_networks.py; how to
compile and run it, in fuzzing.py.

An input is a byte for the network, six for the sizes of its tables and four that make their random
numbers. Then come the lengths of the reviews and the gaps before them, a byte each. */

#include "fuzzing.h"

#include "plain_networks.h"

enum { HEAD = 11, MOST_REVIEWS = 6 };

static uint64_t state;

/* A random number below a limit. */
static int64_t below(int64_t limit) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (int64_t)((state >> 11) % (uint64_t)limit);
}

/* Any bytes; or the same one everywhere, which makes the largest sums. */
static void *random_bytes(int64_t size) {
    static const uint8_t extremes[] = {0, 127, 128, 255};
    uint8_t *made = exactly(size);
    if (size > 0) memset(made, extremes[below(4)], (size_t)size);
    if (below(4) == 0) return made;
    for (int64_t i = 0; i < size; i += 8, below(1)) memcpy(made + i, &state, (size_t)least(8, size - i));
    return made;
}

static int32_t *random_numbers(int64_t count, int64_t limit) {
    int32_t *made = exactly(4 * count);
    for (int64_t i = 0; i < count; i++) made[i] = (int32_t)below(limit);
    return made;
}

static float *random_floats(int64_t count) {
    float *made = exactly(4 * count);
    for (int64_t i = 0; i < count; i++) made[i] = (float)(below(2001) - 1000) / 64;
    return made;
}

static void try_linear(const uint8_t *sizes, int32_t vocabulary, reviews *r) {
    int32_t pairs = 1 + sizes[1] + (sizes[2] & 3) * 1024;
    int8_t *of_words = random_bytes(vocabulary), *of_pairs = random_bytes(pairs);
    linear_tables t = {of_words, of_pairs, vocabulary, pairs};
    check_linear(&t, r);
    free(of_words), free(of_pairs);
}

/* What the head of `ngram-recurrent` may be: weights that make the sums neither small nor large. */
static void try_hidden(const uint8_t *sizes, const recurrent_tables *t, const reviews *r) {
    int32_t hidden = sizes[3] & 2 ? 64 : 32, pooled = 2 * t->columns;
    float *kernel = random_floats((int64_t)pooled * hidden), *bias = random_floats(hidden);
    float *last = random_floats(pooled + hidden);
    for (int32_t i = 0; i < pooled * hidden; i++) kernel[i] /= 1024;
    check_hidden(&(recurrent_network){*t, kernel, bias, last, hidden}, r);
    free(kernel), free(bias), free(last);
}

/* Tables with as few rows as `RecurrentBody.of` wants. */
static void try_recurrent(const uint8_t *sizes, int32_t vocabulary, reviews *r) {
    int64_t highest_pair = sizes[2] % 64, slots = 1 + (sizes[1] < 128 ? sizes[1] % 4 : sizes[1]);
    int32_t columns = 8 * (1 + sizes[4] % 4), *held = exactly(4 * slots);
    recurrent_tables t = {.vocabulary = vocabulary, .columns = columns, .slots_size = (int32_t)slots};
    for (int64_t i = 0; i < slots; i++) { /* the owner is a key that may occur */
        int64_t quotient_of_key = below((int64_t)vocabulary * vocabulary / slots + 1) % 4096;
        held[i] = (int32_t)(below(8) == 0 ? -1 : below(highest_pair + 1) * 4096 + quotient_of_key);
    }
    int8_t *rows = random_bytes((vocabulary + highest_pair + 1) * 4 * columns);
    memset(rows, 0, 4 * (size_t)columns); /* of padding */
    float *scale = random_floats(columns);
    for (int32_t c = 0; c < columns; c++) scale[c] *= sizes[3] % 2 ? 0.0625f : 0.001f;
    t.rows = rows, t.slots = held, t.scale = scale;
    check_recurrent(&t, r);
    if (r->most < MOST_RECURRENT_TOKENS) try_hidden(sizes, &t, r);
    free(rows), free(held), free(scale);
}

static void try_conv(const uint8_t *sizes, int32_t vocabulary, reviews *r) {
    conv_tables t = {.vocabulary = vocabulary, .filters = 1 + sizes[1] % MOST_FILTERS, .width = (int32_t)r->most};
    float *first = random_floats((int64_t)vocabulary * t.filters);
    float *second = random_floats(((int64_t)vocabulary + 1) * t.filters);
    t.first = first, t.second = second;
    check_conv(&t, r);
    free(first), free(second);
}

static void try_flagged(const uint8_t *sizes, int32_t vocabulary, reviews *r) {
    uint8_t *of_id = random_bytes(vocabulary);
    for (int32_t i = 0; i < vocabulary; i++) of_id[i] &= 1;
    flags f = {of_id, vocabulary};
    if (sizes[1] % 2) r->most = INT32_MAX;
    check_flagged(&f, r);
    free(of_id);
}

/* An id beyond the tables: nothing else may be looked at. */
static void try_unknown(int32_t vocabulary, const reviews *r) {
    linear_tables linear = {.vocabulary = vocabulary, .pairs_size = 1};
    recurrent_tables recurrent = {.vocabulary = vocabulary, .slots_size = 1};
    conv_tables conv = {.vocabulary = vocabulary};
    flags flagged = {.vocabulary = vocabulary};
    CHECK(sum_linear(&linear, r, NULL, NULL, NULL) == 1);
    CHECK(remember_vectors(&recurrent, r, NULL, NULL, NULL, NULL) == 1);
    CHECK(hide_each(&(recurrent_network){.tables = recurrent, .hidden = 32}, r, NULL, NULL, NULL) == 1);
    CHECK(convolve(&conv, r, NULL) == 1);
    CHECK(count_flagged(&flagged, r, NULL) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const all[])(const uint8_t *, int32_t, reviews *) = {try_linear, try_recurrent, try_conv,
                                                                       try_flagged};
    static const int32_t unknown[] = {0, -1, INT32_MIN, INT32_MAX};
    if (size < HEAD) return 0;
    const uint8_t *sizes = data + 1, *lengths = data + HEAD;
    int64_t rows = least(((int64_t)size - HEAD) / 2, MOST_REVIEWS), total = 0;
    uint32_t seed;
    memcpy(&seed, data + HEAD - 4, 4);
    state = (uint64_t)seed << 8 | 1;
    int32_t vocabulary = 2 + sizes[0] % 64 + (data[0] & 0x40 ? 128 * (sizes[0] & 7) : 0);
    int64_t most = data[0] & 0x20 ? 2 * (sizes[5] % 128 + 256 * (sizes[2] & 3)) : 2 * (sizes[5] % 16);
    int64_t *starts = exactly(8 * rows), *stops = exactly(8 * rows);
    for (int64_t row = 0; row < rows; row++) {
        starts[row] = total + lengths[2 * row + 1] % 4;
        total = stops[row] = starts[row] + (data[0] & 0x10 ? 3 * lengths[2 * row] : lengths[2 * row] % 32);
    }
    int32_t *ids = random_numbers(total, below(4) > 0 ? least(vocabulary, 8) : vocabulary);
    for (int64_t row = 0; row < rows; row++) /* what is in a gap means nothing */
        for (int64_t i = row > 0 ? stops[row - 1] : 0; i < starts[row]; i++) ids[i] = -7;
    reviews r = {ids, starts, stops, rows, most};
    all[data[0] % 4](sizes, vocabulary, &r);
    int64_t row = rows > 0 ? below(rows) : 0;
    if (rows > 0 && stops[row] > starts[row]) {
        int32_t beyond = unknown[below(4)];
        ids[starts[row] + below(stops[row] - starts[row])] = beyond ? beyond : vocabulary;
        try_unknown(vocabulary, &r);
    }
    free(ids), free(starts), free(stops);
    return 0;
}
