/* links: vm-vnc/hello.c vm-vnc/hello_sasl.c vm-vnc/vencrypt.c vm-vnc/stream.c vm-vnc/ws_frame.c vm-vnc/tls.c vm-vnc/secret_file.c */
/* SPDX-License-Identifier: ISC */
/*
 * All that a viewer may say until he is let in, on a plain socket and in frames. The clerk is a stub that says yes to one password
 * only; nobody is in who has not given it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm-vnc/ask.h"
#include "vm-vnc/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool proved;

enum ask_verdict
ask(int sock, enum ask_kind kind, const void *data, size_t n, struct ask_message *m, size_t *len, int *fd)
{
	static const char mechanisms[] = "PLAIN,X";

	(void)sock;
	(void)fd;
	*len = 0;
	switch (kind) {
	case ASK_CHALLENGE:
		*len = VNCAUTH_BYTES;
		memset(m->data, 7, VNCAUTH_BYTES);
		return ASK_YES;
	case ASK_RESPONSE:
		proved = n == VNCAUTH_BYTES && !memcmp(data, "0123456789abcdef", n);
		break;
	case ASK_PLAIN:
		if (n < 2 || ((const char *)data)[n - 1])
			abort();
		proved = n == 4 && !memcmp(data, "a\0b", 4);
		break;
	case ASK_MECHANISMS:
		*len = sizeof(mechanisms) - 1;
		memcpy(m->data, mechanisms, *len);
		return ASK_YES;
	case ASK_START:
		if (!memchr(data, '\0', n))
			abort();
		*len = 3;
		memcpy(m->data, "abc", 3);
		return ASK_MORE;
	case ASK_STEP:
		if (n == 1)
			return ASK_MORE;
		proved = n == 3 && !memcmp(data, "yes", 3);
		break;
	case ASK_ADMIT:
		return ASK_YES;
	default:
		abort();
	}
	return proved ? ASK_YES : ASK_NO;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct users users;
	static struct policy f;
	static struct stream s;
	struct hello h = {.s = &s, .f = &f};
	int sv[2];

	if (size < 2 || size > 8192 || socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		return 0;
	f = (struct policy){.vnc = data[0] & 1, .users = data[0] & 2 ? &users : NULL, .sasl = data[0] & 4};
	s = (struct stream){.fd = sv[0], .web = data[0] & 8};
	h.local = data[0] & 16;
	proved = false;
	/* Its words wait already, and behind them the end: nothing blocks. */
	if (send(sv[1], data + 1, size - 1, 0) == (ssize_t)size - 1 && shutdown(sv[1], SHUT_WR) == 0 && hello_run(&h) &&
	    policy_password(&f) && !proved)
		abort();
	hello_deadline(0);
	close(sv[0]);
	close(sv[1]);
	return 0;
}
