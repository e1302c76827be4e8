/* Reading a file at once, and its name in an error. */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>

/* All bytes of a file, to be freed; NULL with errno if it cannot be read. */
void *sentiment_read_file(const char *path, size_t *size);

/* The last characters of a path, 120 bytes at most: an error has room for the reason, too. */
const char *sentiment_end_of_path(const char *path);

#endif
