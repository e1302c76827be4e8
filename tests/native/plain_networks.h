/* What the bodies of networks give, by plain loops over the ids that are read of each review. */

#include <math.h>

enum { MOST_IDS = 2048, MOST_FILTERS = 64 };

/* Write what is read of a review: the last ids of the start id and its own; gives how many. */
PLAIN int64_t plain_read(const reviews *r, int64_t row, int32_t *read) {
    int64_t length = r->stops[row] - r->starts[row], all = length + 1, count = 0;
    for (int64_t i = all > r->most ? all - r->most : 0; i < all; i++)
        read[count++] = i == 0 ? START_ID : r->ids[r->starts[row] + i - 1];
    return count;
}

/* Whether `count` numbers are what is expected of a row, bit by bit. */
PLAIN void check_floats(const float *found, int64_t row, int64_t count, const float *expected) {
    CHECK(memcmp(found + row * count, expected, 4 * (size_t)count) == 0);
}

PLAIN void check_counts(const int32_t *read, int64_t count, float tokens, int32_t known) {
    int32_t all = 0, words_known = 0;
    for (int64_t i = 0; i < count; i++) all += read[i] > 1, words_known += read[i] > 3;
    CHECK(tokens == (float)all && known == words_known);
}

PLAIN void check_linear(const linear_tables *t, const reviews *r) {
    int32_t read[MOST_IDS];
    float *totals = exactly(4 * r->rows), *tokens = exactly(4 * r->rows);
    int32_t *known = exactly(4 * r->rows);
    CHECK(sum_linear(t, r, totals, tokens, known) == 0);
    for (int64_t row = 0; row < r->rows; row++) {
        int64_t count = plain_read(r, row, read), total = 0;
        for (int64_t i = 0; i < count; i++) {
            int64_t key = (i > 0 ? read[i - 1] : 0) * (int64_t)t->vocabulary + read[i];
            int64_t codes[] = {t->words[read[i]], t->pairs[key % t->pairs_size]};
            for (int j = 0; j < 2 && read[i] > 1; j++) total += codes[j] * llabs(codes[j]);
        }
        float expected = (float)total;
        check_floats(totals, row, 1, &expected);
        check_counts(read, count, tokens[row], known[row]);
    }
    free(totals), free(tokens), free(known);
}

/* Read some tokens in the direction of a column: the highest output, and the sum of all. */
PLAIN void remember_column(const recurrent_tables *t, const int32_t *read, int64_t count, int64_t c,
                           float *most, float *sum) {
    int64_t columns = t->columns;
    volatile float memory = 0; /* each operation by itself */
    *most = *sum = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = c < columns / 2 ? i : count - 1 - i;
        int64_t key = (at > 0 ? read[at - 1] : 0) * (int64_t)t->vocabulary + read[at];
        int64_t held = t->slots[key % t->slots_size], place = read[at];
        if (held >= 0 && held % 4096 == key / t->slots_size && read[at] > 1)
            place = t->vocabulary + held / 4096;
        const int8_t *codes = t->rows + place * 4 * columns + c;
        volatile float found = (float)codes[2 * columns] * memory;
        found *= t->scale[c];
        found += (float)(2 * codes[3 * columns]);
        found = found < 0 ? 0 : found > 4095 ? 4095 : found;
        float whole = (float)(int32_t)found, rest = found - whole;
        whole += rest > 0.5f || (rest == 0.5f && (int32_t)whole % 2);
        if (whole > *most) *most = whole;
        *sum += whole;
        memory *= (float)(codes[0] + 128) / 256;
        memory += (float)codes[columns];
    }
}

PLAIN void check_recurrent(const recurrent_tables *t, const reviews *r) {
    int32_t read[MOST_IDS];
    int64_t size = 4 * r->rows, columns = t->columns;
    float *highest = exactly(size * columns), *totals = exactly(size * columns);
    float *tokens = exactly(size);
    int32_t *known = exactly(size);
    CHECK(remember_vectors(t, r, highest, totals, tokens, known) == 0);
    for (int64_t row = 0; row < r->rows; row++) {
        float most[MOST_RECURRENT_COLUMNS] = {0}, sums[MOST_RECURRENT_COLUMNS] = {0};
        int64_t count = plain_read(r, row, read);
        check_counts(read, count, tokens[row], known[row]);
        for (int64_t c = 0; c < columns; c++) remember_column(t, read, count, c, most + c, sums + c);
        check_floats(highest, row, columns, most);
        check_floats(totals, row, columns, sums);
    }
    free(highest), free(totals), free(tokens), free(known);
}

/* The logit of some tokens but for its bias, and how large what it is the sum of is. */
PLAIN double plain_logit(const recurrent_network *n, const int32_t *read, int64_t count, float factor,
                         double *size) {
    int32_t columns = n->tables.columns;
    double logit = 0;
    float pooled[4 * MOST_RECURRENT_COLUMNS];
    for (int32_t c = 0; c < columns; c++) {
        remember_column(&n->tables, read, count, c, pooled + c, pooled + columns + c);
        pooled[columns + c] *= factor;
    }
    for (int32_t c = 0; c < 2 * columns; c++) {
        logit += (double)n->last[c] * (double)pooled[c];
        *size += fabs((double)n->last[c] * (double)pooled[c]);
    }
    for (int32_t k = 0; k < n->hidden; k++) {
        double unit = (double)n->hidden_bias[k], last = (double)n->last[2 * columns + k];
        double of_unit = fabs(unit);
        for (int32_t c = 0; c < 2 * columns; c++) {
            unit += (double)n->kernel[c * n->hidden + k] * (double)pooled[c];
            of_unit += fabs((double)n->kernel[c * n->hidden + k] * (double)pooled[c]);
        }
        logit += unit > 0 ? last * unit : 0;
        *size += fabs(last) * of_unit;
    }
    return logit;
}

/* Hide each known word, and read all again. What is read of no review, and other ids, must be left. */
PLAIN void check_hidden(const recurrent_network *n, const reviews *r) {
    int32_t read[MOST_IDS];
    int64_t total = r->rows > 0 ? r->stops[r->rows - 1] : 0;
    float *found = exactly(4 * total), *units = exactly(4 * r->rows);
    eight *space = exactly(32 * EIGHTS_OF_TOKEN * (r->most + 2));
    for (int64_t i = 0; i < total; i++) found[i] = -7;
    for (int64_t row = 0; row < r->rows; row++) units[row] = 1.0f / (float)(row + 4);
    CHECK(hide_each(n, r, units, space, found) == 0);
    for (int64_t row = 0, at = 0; row < r->rows; row++) {
        int64_t count = plain_read(r, row, read), first = r->stops[row] - count;
        for (; at < r->stops[row]; at++) {
            int64_t place = at - first;
            if (at < r->starts[row] || place < 0 || read[place] <= UNKNOWN_ID) {
                CHECK(found[at] == -7);
                continue;
            }
            int32_t id = read[place];
            double size = 1, whole = plain_logit(n, read, count, units[row], &size);
            read[place] = UNKNOWN_ID;
            double without = plain_logit(n, read, count, units[row], &size);
            read[place] = id;
            CHECK(fabs((double)found[at] - (whole - without)) <= 2e-6 * size);
        }
    }
    free(found), free(units), free(space);
}

PLAIN void check_conv(const conv_tables *t, const reviews *r) {
    int32_t read[MOST_IDS], padded[MOST_IDS + 1];
    float expected[MOST_FILTERS];
    int64_t shape = (int64_t)t->width / 2 * t->filters, filters = t->filters;
    float *found = exactly(4 * r->rows * shape);
    CHECK(convolve(t, r, found) == 0);
    for (int64_t row = 0; row < r->rows; row++) {
        int64_t count = plain_read(r, row, read);
        for (int64_t i = 0; i < t->width; i++)
            padded[i] = i < t->width - count ? 0 : read[i - (t->width - count)];
        padded[t->width] = t->vocabulary;
        for (int64_t i = 0; i < t->width; i += 2) {
            for (int64_t f = 0; f < filters; f++) {
                float one = t->first[padded[i] * filters + f] + t->second[padded[i + 1] * filters + f];
                float two = t->first[padded[i + 1] * filters + f] + t->second[padded[i + 2] * filters + f];
                expected[f] = one > two ? one : two;
                if (expected[f] <= 0) expected[f] = 0;
            }
            check_floats(found, row * (t->width / 2) + i / 2, filters, expected);
        }
    }
    free(found);
}

PLAIN void check_flagged(const flags *f, const reviews *r) {
    int32_t read[MOST_IDS], *found = exactly(4 * r->rows);
    CHECK(count_flagged(f, r, found) == 0);
    for (int64_t row = 0; row < r->rows; row++) {
        int64_t length = r->stops[row] - r->starts[row];
        int64_t count = plain_read(r, row, read), flagged = 0;
        for (int64_t i = count > length; i < count; i++) flagged += f->of_id[read[i]];
        CHECK(found[row] == flagged);
    }
    free(found);
}
