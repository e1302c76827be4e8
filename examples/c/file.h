/* Reading a file at once. */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>

/* All bytes of a file, to be freed; NULL with errno if it cannot be read. */
void *read_file(const char *path, size_t *size);

#endif
