/* Sentiment in a C program.
 *
 *     embed MODEL [TEXT...]
 *
 * Prints the label and the probability of each text, or of each line of standard input, and only
 * "unknown" where the model knows no word of the text, which then says nothing. Texts are UTF-8.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "sentiment.h"

#define AT_ONCE 32

static bool print_scores(const sentiment_model *model, const char *texts, const size_t *lengths,
                         size_t count)
{
    sentiment_result results[AT_ONCE];
    char error[SENTIMENT_ERROR_SIZE];

    if (sentiment_score(model, texts, lengths, count, results, error) != 0) {
        fprintf(stderr, "embed: %s\n", error);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (*results[i].label)
            printf("%s %.7f\n", results[i].label, results[i].probability);
        else
            puts("unknown");
    return true;
}

static bool score_arguments(const sentiment_model *model, char **arguments)
{
    bool done = true;

    for (; done && *arguments != NULL; arguments++) {
        size_t length = strlen(*arguments);
        done = print_scores(model, *arguments, &length, 1);
    }
    return done;
}

static bool score_lines(const sentiment_model *model)
{
    char *texts = NULL, *line = NULL;
    size_t lengths[AT_ONCE], count = 0, used = 0, size = 0;
    ssize_t length;
    bool done = true;

    while (done && (length = getline(&line, &size, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            length--;
        char *larger = realloc(texts, used + (size_t)length + 1);
        if (larger == NULL)
            break;
        texts = larger;
        memcpy(texts + used, line, (size_t)length);
        used += lengths[count++] = (size_t)length;
        if (count == AT_ONCE) {
            done = print_scores(model, texts, lengths, count);
            used = count = 0;
        }
    }
    if (!feof(stdin) && done) {
        perror("embed: standard input");
        done = false;
    }
    done = done && print_scores(model, texts, lengths, count);
    free(line);
    free(texts);
    return done;
}

int main(int argc, char **argv)
{
    char error[SENTIMENT_ERROR_SIZE];

    if (argc < 2) {
        fprintf(stderr, "usage: embed MODEL [TEXT...]\n");
        return 2;
    }
    sentiment_model *model = sentiment_open(argv[1], NULL, 0, error);
    if (model == NULL) {
        fprintf(stderr, "embed: %s\n", error);
        return 1;
    }
    bool done = argc > 2 ? score_arguments(model, argv + 2) : score_lines(model);
    sentiment_close(model);
    if (fflush(stdout) != 0) {
        perror("embed: standard output");
        return 1;
    }
    return done ? 0 : 1;
}
