/* What the fuzzers of the native core share. They include the core itself, and give it buffers of the
exact size that it may touch, on the heap, so that AddressSanitizer sees each byte beyond them. */

#include "../../toolkit/native/core.c"

#include <stdio.h>

#define CHECK(condition)                                                                \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition);       \
            abort();                                                                    \
        }                                                                               \
    } while (0)

/* libFuzzer is to search the core for branches, not what it is compared with. */
#if defined(__clang__)
#define PLAIN static __attribute__((noinline, no_sanitize("coverage")))
#else
#define PLAIN static
#endif

static void *exactly(int64_t size) {
    void *found = malloc((size_t)size);
    CHECK(found != NULL || size == 0);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#if defined(WITH_MAIN)
/* Run files of inputs, where libFuzzer is not: other compilers, other processors, valgrind. */
int main(int count, char **names_of_files) {
    static uint8_t data[1 << 20];
    printf("%s", core_path());
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) printf(" %s", paths[i].name);
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(names_of_files[i], "rb");
        CHECK(file != NULL);
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        uint8_t *exact = exactly((int64_t)size);
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    printf("; %d inputs\n", count - 1);
    return 0;
}
#endif
