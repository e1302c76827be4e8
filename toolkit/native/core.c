/* The native core: hot loops over bytes, called through ctypes. It needs no Python headers. */

#include <stdint.h>

#define TOOLKIT_CORE_VERSION 1 /* as CORE_VERSION in library.py: raise both with the functions */

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT int32_t core_version(void);
EXPORT const char *core_path(void);

int32_t core_version(void) { return TOOLKIT_CORE_VERSION; }

/* The instruction path chosen at run time: "avx2", "sse2", "neon" or "plain". */
const char *core_path(void) { return "plain"; }
