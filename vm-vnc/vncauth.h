/* SPDX-License-Identifier: ISC */
/* VNC authentication (RFC 6143, 7.2.2): 16 random bytes are encrypted with DES, keyed by the first 8 bytes of a password. */
#ifndef VM_VNC_VNCAUTH_H
#define VM_VNC_VNCAUTH_H

#include <stdbool.h>
#include <stdint.h>

#define VNCAUTH_BYTES 16
#define VNCAUTH_PASSWORD 8 /* characters that count */

/* What the challenge becomes with that password. */
void vncauth_answer(const char *password, const uint8_t challenge[VNCAUTH_BYTES], uint8_t answer[VNCAUTH_BYTES]);

/* Whether answer is that of the password. Takes as long when it is not. */
bool vncauth_right(const char *password, const uint8_t challenge[VNCAUTH_BYTES], const uint8_t answer[VNCAUTH_BYTES]);

#endif
