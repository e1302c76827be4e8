/* From token ids to what a network sums up of a review. */

/* The reviews of a call: where the ids of each start and stop. A network reads the last `most` ids of
   the start id and those of the review. */
typedef struct {
    const int32_t *ids;
    const int64_t *starts, *stops;
    int64_t rows, most;
} reviews;

enum { PADDING_ID = 0, START_ID = 1, FIRST_WORD_ID = 4, RUN = 256 };

/* Where the ids begin that a network reads of a review, and whether the start id is before them. */
static inline int64_t first_read(const reviews *r, int64_t row, int *has_start) {
    int64_t first = r->stops[row] - r->most;
    *has_start = first < r->starts[row];
    return *has_start ? r->starts[row] : first;
}

/* Whether all ids are below a vocabulary's size, so that they may be looked up. */
static int are_known(const reviews *r, int32_t vocabulary) {
    for (int64_t row = 0; row < r->rows; row++) {
        uint32_t highest = 0;
        for (int64_t at = r->starts[row]; at < r->stops[row]; at++)
            if ((uint32_t)r->ids[at] > highest) highest = (uint32_t)r->ids[at];
        if (highest >= (uint32_t)vocabulary) return 0;
    }
    return 1;
}

/* A divisor of numbers of 32 bits, with what makes a product of a division (Lemire, Kaser and Kurz,
   Faster remainder by direct computation, 2019). */
typedef struct {
    uint32_t number;
    uint64_t reciprocal;
} divisor;

static inline divisor divisor_of(int32_t number) {
    return (divisor){(uint32_t)number, UINT64_MAX / (uint32_t)number + 1};
}

static inline uint32_t quotient(uint32_t value, divisor by) {
#if defined(__SIZEOF_INT128__)
    return by.number == 1 ? value : (uint32_t)((__uint128_t)by.reciprocal * value >> 64);
#else
    return value / by.number;
#endif
}

/* `ngram-linear`: a code for each word, and for each hash value of a pair of neighbours. */
typedef struct {
    const int8_t *words, *pairs;
    int32_t vocabulary, pairs_size;
} linear_tables;

static inline int32_t decoded(int8_t code) { return code * (code < 0 ? -code : code); }

/* Sum up the codes of each review, and count its tokens and its known tokens, (rows) each. Gives 0, or
   1 if an id is beyond the tables. */
EXPORT int32_t sum_linear(const linear_tables *t, const reviews *r, float *totals, float *tokens,
                          int32_t *known) {
    if (!are_known(r, t->vocabulary)) return 1;
    divisor pairs = divisor_of(t->pairs_size);
    for (int64_t row = 0; row < r->rows; row++) {
        int has_start;
        int64_t first = first_read(r, row, &has_start), stop = r->stops[row];
        uint32_t total = 0, before = has_start ? START_ID : PADDING_ID;
        int32_t of_words = 0, all = 0;
        for (int64_t at = first; at < stop; at++) {
            uint32_t id = (uint32_t)r->ids[at], key = before * (uint32_t)t->vocabulary + id;
            uint32_t place = key - quotient(key, pairs) * pairs.number;
            int32_t weight = decoded(t->words[id]) + decoded(t->pairs[place]);
            int counts = id > START_ID;
            total += counts ? (uint32_t)weight : 0;
            all += counts;
            of_words += id >= FIRST_WORD_ID;
            before = id;
        }
        totals[row] = (float)(int32_t)total;
        tokens[row] = (float)all;
        known[row] = of_words;
    }
    return 0;
}

/* `ngram-recurrent`: a row of small numbers for each word and each pair of neighbours that has one. Of
   its columns, the first half is read forward and the second half backward. */
typedef struct {
    const int8_t *rows;   /* (rows, 4 groups, columns): what is kept, written, read and said */
    const int32_t *slots; /* (slots_size): rows of pairs, see toolkit/networks/tables.py */
    const float *scale;   /* (columns) */
    int32_t vocabulary, columns, slots_size;
} recurrent_tables;

enum { QUOTIENT_BITS = 12 }; /* where the row is in a slot */
enum { GROUPS = 4, MOST_RECURRENT_TOKENS = 4096, MOST_RECURRENT_COLUMNS = 32, TOGETHER = 16, LINE = 64 };

/* Where the rows of all tokens of a review are, the start id included. Two passes of RUN tokens, so that the
   processor can fetch what the next one needs. */
static void find_rows(const recurrent_tables *t, divisor slots, const int32_t *ids, int64_t count,
                      int has_start, const int8_t **found) {
    uint32_t vocabulary = (uint32_t)t->vocabulary, before = has_start ? START_ID : PADDING_ID;
    uint32_t places[RUN], quotients[RUN];
    int64_t size = GROUPS * (int64_t)t->columns;
    if (has_start) *found++ = t->rows + size * START_ID;
    for (int64_t first = 0; first < count; first += RUN, ids += RUN, found += RUN) {
        int64_t together = least(RUN, count - first);
        for (int64_t i = 0; i < together; i++) {
            uint32_t key = before * vocabulary + (uint32_t)ids[i];
            before = (uint32_t)ids[i];
            quotients[i] = quotient(key, slots);
            places[i] = key - quotients[i] * slots.number;
            __builtin_prefetch(t->slots + places[i]);
        }
        for (int64_t i = 0; i < together; i++) {
            uint32_t id = (uint32_t)ids[i], held = (uint32_t)t->slots[places[i]];
            uint32_t pair = held >> QUOTIENT_BITS; /* a slot of nobody has all bits */
            uint32_t is_pair = ((held & ((1u << QUOTIENT_BITS) - 1)) == quotients[i]) &
                               (held != UINT32_MAX) & (id > START_ID);
            found[i] = t->rows + size * (int64_t)(id + ((0 - is_pair) & (vocabulary + pair - id)));
            for (int64_t at = 0; at < size; at += LINE) __builtin_prefetch(found[i] + at);
            __builtin_prefetch(found[i] + size - 1);
        }
    }
}

typedef void remember_function(const int8_t *const *rows, int64_t count, const float *scale, int columns,
                               float *highest, float *totals);

/* One or the other, by masks of bits. */
#define CHOSEN(WHICH, ONE, OTHER) ((floats)(((integers)(ONE) & (WHICH)) | ((integers)(OTHER) & ~(WHICH))))

/* Read the tokens of a review, forward and backward at once: the first half of the columns is at token
   i while the second half is at the i-th from the end. Their codes are put together first, some tokens
   at a time, and then all columns are computed alike, some in each register. The operations are those
   of the graph, one by one, so their bits are, too. A number from 0 to 4,095 is rounded by adding one
   beyond 2^23, where a float has no digits after the point: halves become even. */
#define REMEMBER_BODY(LANES, ALL)                                                                    \
    typedef float floats __attribute__((vector_size(4 * LANES)));                                    \
    typedef int32_t integers __attribute__((vector_size(4 * LANES)));                                \
    enum { MOST_PARTS = MOST_RECURRENT_COLUMNS / LANES };                                            \
    const floats zero = ALL(0.0f), two = ALL(2.0f), from_zero = ALL(128.0f), unit = ALL(1.0f / 256.0f);\
    const floats largest = ALL(4095.0f), no_digits = ALL(12582912.0f);                               \
    floats memory[MOST_PARTS], most[MOST_PARTS], sums[MOST_PARTS], factor[MOST_PARTS];               \
    int8_t codes[TOGETHER * GROUPS * MOST_RECURRENT_COLUMNS];                                        \
    float numbers[TOGETHER * GROUPS * MOST_RECURRENT_COLUMNS];                                       \
    const int half = columns / 2, parts = columns / LANES, size = GROUPS * columns;                  \
    for (int part = 0; part < parts; part++) memory[part] = most[part] = sums[part] = zero;          \
    memcpy(factor, scale, sizeof *scale * (size_t)columns);                                          \
    for (int64_t first = 0; first < count; first += TOGETHER) {                                      \
        int64_t together = least(TOGETHER, count - first);                                           \
        for (int64_t i = 0; i < together; i++) {                                                     \
            const int8_t *forward = rows[first + i], *backward = rows[count - 1 - first - i];        \
            for (int at = 0; at < size; at += columns) {                                             \
                memcpy(codes + i * size + at, forward + at, (size_t)half);                           \
                memcpy(codes + i * size + at + half, backward + at + half, (size_t)half);            \
            }                                                                                        \
        }                                                                                            \
        for (int64_t i = 0; i < together * size; i++) numbers[i] = (float)codes[i];                  \
        for (int64_t i = 0; i < together; i++) {                                                     \
            for (int part = 0; part < parts; part++) {                                               \
                floats keep, write, read, own;                                                       \
                const float *of_part = numbers + i * size + part * LANES;                            \
                memcpy(&keep, of_part, sizeof keep);                                                 \
                memcpy(&write, of_part + columns, sizeof keep);                                      \
                memcpy(&read, of_part + 2 * columns, sizeof keep);                                   \
                memcpy(&own, of_part + 3 * columns, sizeof keep);                                    \
                floats kept = (keep + from_zero) * unit * memory[part];                              \
                floats found = read * memory[part];                                                  \
                found = found * factor[part] + own * two;                                            \
                memory[part] = kept + write;                                                         \
                found = CHOSEN(found > zero, found, zero);                                           \
                found = CHOSEN(found < largest, found, largest);                                     \
                found = found + no_digits - no_digits;                                               \
                most[part] = CHOSEN(found > most[part], found, most[part]);                          \
                sums[part] += found;                                                                 \
            }                                                                                        \
        }                                                                                            \
    }                                                                                                \
    memcpy(highest, most, sizeof *highest * (size_t)columns);                                        \
    memcpy(totals, sums, sizeof *totals * (size_t)columns);

#define IN_ALL_4(NUMBER) {NUMBER, NUMBER, NUMBER, NUMBER}
#define IN_ALL_8(NUMBER) {NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER}

static inline __attribute__((always_inline)) void remember_by_4(const int8_t *const *rows, int64_t count,
                                                                const float *scale, int columns,
                                                                float *highest, float *totals) {
    REMEMBER_BODY(4, IN_ALL_4)
}

/* Loops over a number of columns that the compiler knows. */
#define REMEMBER_COLUMNS(REMEMBER)                                                                   \
    if (columns == 16) REMEMBER(rows, count, scale, 16, highest, totals);                            \
    else if (columns == 24) REMEMBER(rows, count, scale, 24, highest, totals);                       \
    else if (columns == 32) REMEMBER(rows, count, scale, 32, highest, totals);                       \
    else REMEMBER(rows, count, scale, columns, highest, totals);

static void remember_plain(const int8_t *const *rows, int64_t count, const float *scale, int columns,
                           float *highest, float *totals) {
    REMEMBER_COLUMNS(remember_by_4)
}

#if defined(__x86_64__)
static inline __attribute__((always_inline, target("avx2"))) void
remember_by_8(const int8_t *const *rows, int64_t count, const float *scale, int columns, float *highest,
              float *totals) {
    REMEMBER_BODY(8, IN_ALL_8)
}

__attribute__((target("avx2"))) static void remember_avx2(const int8_t *const *rows, int64_t count,
                                                          const float *scale, int columns,
                                                          float *highest, float *totals) {
    REMEMBER_COLUMNS(remember_by_8)
}
#endif

static remember_function *find_remember(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return remember_avx2;
#endif
    return remember_plain;
}

/* What the outputs of each review are, pooled: `highest` and `totals` (rows, columns), and the tokens
   and the known tokens, (rows) each. Gives 0, or 1 if an id is beyond the tables. */
EXPORT int32_t remember_vectors(const recurrent_tables *t, const reviews *r, float *highest,
                                float *totals, float *tokens, int32_t *known) {
    if (!are_known(r, t->vocabulary)) return 1;
    divisor slots = divisor_of(t->slots_size);
    remember_function *read = find_remember();
    const int8_t *rows[MOST_RECURRENT_TOKENS];
    for (int64_t row = 0; row < r->rows; row++, highest += t->columns, totals += t->columns) {
        int has_start;
        int64_t at = first_read(r, row, &has_start), count = r->stops[row] - at;
        const int32_t *ids = r->ids + at;
        int32_t all = 0, of_words = 0;
        for (int64_t i = 0; i < count; i++) {
            all += ids[i] > START_ID;
            of_words += ids[i] >= FIRST_WORD_ID;
        }
        tokens[row] = (float)all;
        known[row] = of_words;
        find_rows(t, slots, ids, count, has_start, rows);
        read(rows, count + has_start, t->scale, t->columns, highest, totals);
    }
    return 0;
}

/* `conv1d`: what a token gives by itself, and what by the token after it. */
typedef struct {
    const float *first, *second; /* (vocabulary, filters); of the second, one row more for no token */
    int32_t vocabulary, filters, width;
} conv_tables;

/* The highest of each two neighbouring windows of two tokens, 0 at least: (rows, width / 2, filters).
   Reviews are padded in front. Gives 0, or 1 if an id is beyond the tables. */
EXPORT int32_t convolve(const conv_tables *t, const reviews *r, float *found) {
    if (!are_known(r, t->vocabulary)) return 1;
    for (int64_t row = 0; row < r->rows; row++) {
        int has_start;
        int64_t at = first_read(r, row, &has_start), padding = t->width - (r->stops[row] - at);
        for (int64_t i = 0; i < t->width; i += 2, found += t->filters) {
            int64_t three[3]; /* an even place, the odd one after it, and the one after that */
            for (int64_t j = i; j < i + 3; j++) {
                int64_t in_front = has_start && j == padding - 1 ? START_ID : PADDING_ID;
                int64_t id = j < padding ? in_front : 0;
                if (j >= padding && j < t->width) id = r->ids[at + j - padding];
                three[j - i] = j == t->width ? t->vocabulary : id;
            }
            const float *first = t->first + three[0] * t->filters;
            const float *first_of_odd = t->first + three[1] * t->filters;
            const float *second = t->second + three[1] * t->filters;
            const float *second_of_even = t->second + three[2] * t->filters;
            for (int32_t f = 0; f < t->filters; f++) {
                float even = first[f] + second[f], odd = first_of_odd[f] + second_of_even[f];
                float higher = even > odd ? even : odd;
                found[f] = higher > 0 ? higher : 0;
            }
        }
    }
    return 0;
}

typedef struct {
    const uint8_t *of_id; /* (vocabulary), 0 or 1 */
    int32_t vocabulary;
} flags;

/* Count the flagged ids among the last `most` of each review, without the start id: (rows). Gives 0, or
   1 if an id has no flag. */
EXPORT int32_t count_flagged(const flags *f, const reviews *r, int32_t *found) {
    if (!are_known(r, f->vocabulary)) return 1;
    for (int64_t row = 0; row < r->rows; row++) {
        int64_t first = r->stops[row] - r->most;
        int32_t count = 0;
        for (int64_t at = first > r->starts[row] ? first : r->starts[row]; at < r->stops[row]; at++)
            count += f->of_id[r->ids[at]];
        found[row] = count;
    }
    return 0;
}
