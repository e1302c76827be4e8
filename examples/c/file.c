/* See file.h. */

#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 120

void *sentiment_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    size_t room = 1 << 20, used = 0;

    if (file == NULL)
        return NULL;
    for (;; room *= 2) {
        char *larger = realloc(bytes, room);
        if (larger == NULL)
            break;
        bytes = larger;
        used += fread(bytes + used, 1, room - used, file);
        if (used < room) {
            if (ferror(file))
                break;
            *size = used;
            fclose(file);
            return bytes;
        }
    }
    int reason = errno;
    free(bytes);
    fclose(file);
    errno = reason;
    return NULL;
}

const char *sentiment_end_of_path(const char *path)
{
    size_t length = strlen(path);

    if (length > SHOWN)
        path += length - SHOWN;
    while ((*path & 0xC0) == 0x80) /* within a character */
        path++;
    return path;
}
