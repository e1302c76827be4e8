/* Sentiment in a C program: the model file takes raw text, so ONNX Runtime is all it needs.
 *
 *     embed MODEL [TEXT...]
 *
 * Prints the label and the probability of each text, or of each line of standard input. The label
 * is "unknown" where the model knows no word of the text, which then says nothing. Texts are UTF-8.
 * See README.md.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <onnxruntime_c_api.h>

#define LINES_AT_ONCE 32 /* a batch is as wide as its longest text, so a small one saves memory */

enum output { LABEL, PROBABILITY, KNOWN_TOKENS, OUTPUTS };

static const char *const OUTPUT_NAMES[OUTPUTS] = {"label", "probability", "known_tokens"};

struct text {
    char *bytes; /* may hold NUL, which is the end for the model */
    size_t length;
};

struct model {
    const OrtApi *ort;
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    size_t outputs; /* without known_tokens in files before format 3 */
};

/* Every call of ONNX Runtime passes through here: says what went wrong, and frees the status. */
static bool ok(const struct model *model, OrtStatus *status)
{
    if (status == NULL)
        return true;
    fprintf(stderr, "embed: %s\n", model->ort->GetErrorMessage(status));
    model->ort->ReleaseStatus(status);
    return false;
}

static bool open_model(struct model *model, const char *path)
{
    model->ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    if (model->ort == NULL) {
        fprintf(stderr, "embed: the library of ONNX Runtime is older than its header\n");
        return false;
    }
    const OrtApi *ort = model->ort;
    size_t outputs;
    bool done = ok(model, ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "embed", &model->env))
        && ok(model, ort->CreateSessionOptions(&model->options))
        && ok(model, ort->SetIntraOpNumThreads(model->options, 1)) /* the network is small */
        && ok(model, ort->CreateSession(model->env, path, model->options, &model->session))
        && ok(model, ort->SessionGetOutputCount(model->session, &outputs));
    if (done)
        model->outputs = outputs < OUTPUTS ? KNOWN_TOKENS : OUTPUTS;
    return done;
}

static void close_model(struct model *model)
{
    if (model->ort == NULL)
        return;
    model->ort->ReleaseSession(model->session);
    model->ort->ReleaseSessionOptions(model->options);
    model->ort->ReleaseEnv(model->env);
}

/* Make the tensor `text`, string[batch], of texts that need no NUL at their end. */
static bool make_input(const struct model *model, const struct text *texts, size_t count,
                       OrtValue **input)
{
    const OrtApi *ort = model->ort;
    const int64_t shape[] = {(int64_t)count};
    OrtAllocator *allocator; /* the default one, which is never released */

    if (!ok(model, ort->GetAllocatorWithDefaultOptions(&allocator))
        || !ok(model, ort->CreateTensorAsOrtValue(allocator, shape, 1,
                                                  ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, input)))
        return false;
    for (size_t i = 0; i < count; i++) {
        char *place;
        if (!ok(model, ort->GetResizedStringTensorElementBuffer(*input, i, texts[i].length,
                                                                &place)))
            return false;
        memcpy(place, texts[i].bytes, texts[i].length);
    }
    return true;
}

static bool print_score(const struct model *model, OrtValue *labels, size_t i, float probability,
                        bool is_known)
{
    size_t length;

    if (!is_known) {
        printf("unknown %.7f\n", probability);
        return true;
    }

    if (!ok(model, model->ort->GetStringTensorElementLength(labels, i, &length)))
        return false;
    char *label = malloc(length + 1);
    if (label == NULL) {
        perror("embed");
        return false;
    }
    bool done = ok(model, model->ort->GetStringTensorElement(labels, length, i, label));
    if (done) {
        label[length] = '\0';
        printf("%s %.7f\n", label, probability);
    }
    free(label);
    return done;
}

/* Score some texts, at least one, and print what is found. */
static bool score(const struct model *model, const struct text *texts, size_t count)
{
    const OrtApi *ort = model->ort;
    const char *const input_names[] = {"text"};
    OrtValue *input = NULL, *outputs[OUTPUTS] = {NULL};
    float *probabilities;
    int32_t *known = NULL;

    bool done = make_input(model, texts, count, &input)
        && ok(model, ort->Run(model->session, NULL, input_names, (const OrtValue *const *)&input, 1,
                              OUTPUT_NAMES, model->outputs, outputs))
        && ok(model, ort->GetTensorMutableData(outputs[PROBABILITY], (void **)&probabilities));
    if (done && model->outputs > KNOWN_TOKENS)
        done = ok(model, ort->GetTensorMutableData(outputs[KNOWN_TOKENS], (void **)&known));
    for (size_t i = 0; done && i < count; i++)
        done = print_score(model, outputs[LABEL], i, probabilities[i], known == NULL || known[i] > 0);
    for (size_t i = 0; i < OUTPUTS; i++)
        ort->ReleaseValue(outputs[i]);
    ort->ReleaseValue(input);
    return done;
}

static bool score_arguments(const struct model *model, char **arguments, size_t count)
{
    struct text *texts = calloc(count, sizeof *texts);

    if (texts == NULL) {
        perror("embed");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        texts[i] = (struct text){arguments[i], strlen(arguments[i])};
    bool done = score(model, texts, count);
    free(texts);
    return done;
}

/* Read the next line, without its end; false at the end of the input. */
static bool read_line(struct text *line)
{
    size_t size = 0;
    line->bytes = NULL;
    ssize_t length = getline(&line->bytes, &size, stdin);

    if (length < 0) {
        free(line->bytes);
        return false;
    }
    line->length = (size_t)length;
    if (line->bytes[line->length - 1] == '\n')
        line->length--;
    return true;
}

static bool score_lines(const struct model *model)
{
    struct text lines[LINES_AT_ONCE];
    size_t count;
    bool done = true;

    do {
        for (count = 0; count < LINES_AT_ONCE && read_line(&lines[count]);)
            count++;
        if (count > 0)
            done = score(model, lines, count);
        for (size_t i = 0; i < count; i++)
            free(lines[i].bytes);
    } while (done && count == LINES_AT_ONCE);
    if (ferror(stdin)) {
        perror("embed: standard input");
        return false;
    }
    return done;
}

int main(int argc, char **argv)
{
    struct model model = {0};

    if (argc < 2) {
        fprintf(stderr, "usage: embed MODEL [TEXT...]\n");
        return 2;
    }
    bool done = open_model(&model, argv[1])
        && (argc > 2 ? score_arguments(&model, argv + 2, (size_t)argc - 2) : score_lines(&model));
    close_model(&model);
    if (fflush(stdout) != 0) {
        perror("embed: standard output");
        return 1;
    }
    return done ? 0 : 1;
}
