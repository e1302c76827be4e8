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
enum { GROUPS = 4, MOST_RECURRENT_TOKENS = 4096, MOST_RECURRENT_COLUMNS = 32, LINE = 64 };
enum { FETCHED = 24 }; /* tokens whose rows are fetched ahead: those of a long review fill the cache */

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE void fetch_row(const int8_t *rows, int64_t size, uint32_t place) {
    const int8_t *row = rows + size * (int64_t)place;
    for (int64_t at = 0; at < size; at += LINE) __builtin_prefetch(row + at);
    __builtin_prefetch(row + size - 1);
}

/* Find the rows of all tokens of a review, the start id included, and fetch those at both ends. Two
   passes of RUN tokens, so that the processor can fetch what the next one needs. */
static void find_rows(const recurrent_tables *t, divisor slots, const int32_t *ids, int64_t count,
                      int has_start, uint32_t *found) {
    uint32_t vocabulary = (uint32_t)t->vocabulary, before = has_start ? START_ID : PADDING_ID;
    uint32_t places[RUN], quotients[RUN];
    int64_t size = GROUPS * (int64_t)t->columns;
    if (has_start) *found++ = START_ID;
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
            found[i] = id + ((0 - is_pair) & (vocabulary + pair - id));
            if (first + i < FETCHED || first + i >= count - FETCHED) fetch_row(t->rows, size, found[i]);
        }
    }
}

typedef void remember_function(const recurrent_tables *t, const uint32_t *places, int64_t count, int columns,
                               float *highest, float *totals);

/* Read the tokens of a review, forward and backward at once: the first half of the columns is at token
   i while the second half is at the i-th from the end. All columns are computed alike, some in each
   register. The operations are those of the graph, one by one, so their bits are, too. A number from 0
   to 4,095 is rounded by adding one beyond 2^23, where a float has no digits after the point: halves
   become even. NUMBERS gives codes as floats: from the row before or the one after, or half of each. */
#define REMEMBER_BODY(FLOATS, LANES, NUMBERS, ALL, HIGHER, LOWER)                                    \
    enum { MOST_PARTS = MOST_RECURRENT_COLUMNS / LANES };                                            \
    const FLOATS zero = ALL(0.0f), two = ALL(2.0f), from_zero = ALL(128.0f);                         \
    const FLOATS keep_unit = ALL(1.0f / 256.0f);                                                     \
    const FLOATS largest = ALL(4095.0f), no_digits = ALL(12582912.0f);                               \
    FLOATS memory[MOST_PARTS], most[MOST_PARTS], sums[MOST_PARTS], scale[MOST_PARTS];                \
    const int half = columns / 2, parts = columns / LANES, size = GROUPS * columns;                  \
    for (int chunk = 0; chunk < parts; chunk++) memory[chunk] = most[chunk] = sums[chunk] = zero;    \
    memcpy(scale, t->scale, sizeof(float) * (size_t)columns);                                        \
    for (int64_t i = 0; i < count; i++) {                                                            \
        const int8_t *forward = t->rows + (int64_t)places[i] * size;                                 \
        const int8_t *backward = t->rows + (int64_t)places[count - 1 - i] * size;                    \
        if (i + FETCHED < count) {                                                                   \
            fetch_row(t->rows, size, places[i + FETCHED]);                                           \
            fetch_row(t->rows, size, places[count - 1 - i - FETCHED]);                               \
        }                                                                                            \
        for (int chunk = 0; chunk < parts; chunk++, forward += LANES, backward += LANES) {           \
            int left = half - chunk * LANES; /* columns that are still read forward */               \
            FLOATS keep = NUMBERS(forward, backward, left);                                          \
            FLOATS write = NUMBERS(forward + columns, backward + columns, left);                     \
            FLOATS read = NUMBERS(forward + 2 * columns, backward + 2 * columns, left);              \
            FLOATS own = NUMBERS(forward + 3 * columns, backward + 3 * columns, left);               \
            FLOATS found = read * memory[chunk] * scale[chunk] + own * two;                          \
            memory[chunk] = (keep + from_zero) * keep_unit * memory[chunk] + write;                  \
            found = LOWER(HIGHER(found, zero), largest) + no_digits - no_digits;                     \
            most[chunk] = HIGHER(found, most[chunk]);                                                \
            sums[chunk] += found;                                                                    \
        }                                                                                            \
    }                                                                                                \
    memcpy(highest, most, sizeof *highest * (size_t)columns);                                        \
    memcpy(totals, sums, sizeof *totals * (size_t)columns);

/* Loops over a number of columns that the compiler knows. */
#define REMEMBER_COLUMNS(REMEMBER)                                                                   \
    if (columns == 8) REMEMBER(t, places, count, 8, highest, totals);                                \
    if (columns == 16) REMEMBER(t, places, count, 16, highest, totals);                              \
    if (columns == 24) REMEMBER(t, places, count, 24, highest, totals);                              \
    if (columns == 32) REMEMBER(t, places, count, 32, highest, totals);

typedef float floats __attribute__((vector_size(16)));
typedef int32_t integers __attribute__((vector_size(16)));

static ALWAYS_INLINE floats numbers_4(const int8_t *forward, const int8_t *backward, int left) {
    const int8_t *codes = left > 0 ? forward : backward;
#if defined(__x86_64__)
    int32_t four;
    memcpy(&four, codes, sizeof four);
    __m128i bytes = _mm_cvtsi32_si128(four), twice = _mm_unpacklo_epi8(bytes, bytes);
    return (floats)_mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(twice, twice), 24));
#elif defined(__aarch64__)
    uint32_t four;
    memcpy(&four, codes, sizeof four);
    return (floats)vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four)))));
#else
    return (floats){(float)codes[0], (float)codes[1], (float)codes[2], (float)codes[3]};
#endif
}

/* One or the other, by masks of bits. */
#define CHOSEN(WHICH, ONE, OTHER) ((floats)(((integers)(ONE) & (WHICH)) | ((integers)(OTHER) & ~(WHICH))))
#define HIGHER_4(ONE, OTHER) CHOSEN((ONE) > (OTHER), ONE, OTHER)
#define LOWER_4(ONE, OTHER) CHOSEN((ONE) < (OTHER), ONE, OTHER)
#define ALL_4(NUMBER) {NUMBER, NUMBER, NUMBER, NUMBER}

static ALWAYS_INLINE void remember_4(const recurrent_tables *t, const uint32_t *places, int64_t count,
                                     int columns, float *highest, float *totals) {
    REMEMBER_BODY(floats, 4, numbers_4, ALL_4, HIGHER_4, LOWER_4)
}

static void remember_plain(const recurrent_tables *t, const uint32_t *places, int64_t count, int columns,
                           float *highest, float *totals) {
    REMEMBER_COLUMNS(remember_4)
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

AVX2 static ALWAYS_INLINE __m256 numbers_8(const int8_t *forward, const int8_t *backward, int left) {
    int64_t eight;
    memcpy(&eight, left > 0 ? forward : backward, sizeof eight);
    if (left == 4) memcpy((char *)&eight + 4, backward + 4, 4);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(eight)));
}

AVX2 static ALWAYS_INLINE void remember_8(const recurrent_tables *t, const uint32_t *places, int64_t count,
                                          int columns, float *highest, float *totals) {
    REMEMBER_BODY(__m256, 8, numbers_8, _mm256_set1_ps, _mm256_max_ps, _mm256_min_ps)
}

AVX2 static void remember_avx2(const recurrent_tables *t, const uint32_t *places, int64_t count, int columns,
                               float *highest, float *totals) {
    REMEMBER_COLUMNS(remember_8)
}
#endif

static remember_function *find_remember(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return remember_avx2;
#endif
    return remember_plain;
}

/* What the outputs of each review are, pooled: `highest` and `totals` (rows, columns), and the tokens
   and the known tokens, (rows) each. Gives 0, or 1 if an id is beyond the tables. The rows of a review
   are found while the one before is read. */
EXPORT int32_t remember_vectors(const recurrent_tables *t, const reviews *r, float *highest,
                                float *totals, float *tokens, int32_t *known) {
    if (!are_known(r, t->vocabulary)) return 1;
    divisor slots = divisor_of(t->slots_size);
    remember_function *read = find_remember();
    uint32_t places[2][MOST_RECURRENT_TOKENS];
    for (int64_t row = 0, before = 0; row <= r->rows; row++) {
        int has_start = 0;
        int64_t count = 0;
        if (row < r->rows) {
            int64_t at = first_read(r, row, &has_start);
            const int32_t *ids = r->ids + at;
            count = r->stops[row] - at;
            int32_t all = 0, of_words = 0;
            for (int64_t i = 0; i < count; i++) {
                all += ids[i] > START_ID;
                of_words += ids[i] >= FIRST_WORD_ID;
            }
            tokens[row] = (float)all;
            known[row] = of_words;
            find_rows(t, slots, ids, count, has_start, places[row % 2]);
        }
        if (row > 0) {
            read(t, places[(row - 1) % 2], before, t->columns, highest, totals);
            highest += t->columns, totals += t->columns;
        }
        before = count + has_start;
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
