/* SPDX-License-Identifier: ISC */
/* VNC authentication; the contracts are in vncauth.h. */
#include <nettle/des.h>
#include <nettle/memops.h>
#include <string.h>

#include "vm-vnc/vncauth.h"

/* The first implementation of all numbered the bits of a key's bytes the other way round, and so do all since. */
static uint8_t
mirror(uint8_t byte)
{
	uint8_t out = 0;

	for (int i = 0; i < 8; i++)
		out |= (uint8_t)((byte >> i & 1) << (7 - i));
	return out;
}

void
vncauth_answer(const char *password, const uint8_t challenge[VNCAUTH_BYTES], uint8_t answer[VNCAUTH_BYTES])
{
	uint8_t key[DES_KEY_SIZE] = {0};
	struct des_ctx des;

	for (size_t i = 0; i < VNCAUTH_PASSWORD && password[i]; i++)
		key[i] = mirror((uint8_t)password[i]);
	/* It says whether the key is a weak one, which is the user's choice: the key is set in any case. */
	des_set_key(&des, key);
	des_encrypt(&des, VNCAUTH_BYTES, answer, challenge);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(&des, sizeof(des));
}

bool
vncauth_right(const char *password, const uint8_t challenge[VNCAUTH_BYTES], const uint8_t answer[VNCAUTH_BYTES])
{
	uint8_t want[VNCAUTH_BYTES];

	vncauth_answer(password, challenge, want);
	return memeql_sec(want, answer, sizeof(want));
}
