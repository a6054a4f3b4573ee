/* SPDX-License-Identifier: ISC */
/* Code page 437, the characters of a PC's text screen. */
#ifndef COMMON_CP437_H
#define COMMON_CP437_H

#include <stdint.h>

/* A character as UTF-8, with a NUL; returns out. */
char *cp437_utf8(uint8_t c, char out[4]);

#endif
