/* SPDX-License-Identifier: ISC */
/* Questions of the gate; the contracts are in ask.h. */
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "vm-vnc/ask.h"

int
ask_send(int sock, uint32_t kind, const void *data, size_t n, int fd)
{
	struct ask_message m = {.kind = kind};
	size_t len = offsetof(struct ask_message, data) + n;

	if (n > sizeof(m.data))
		return -1;
	if (n)
		memcpy(m.data, data, n);
	return fd_send(sock, &m, len, &fd, fd >= 0) == (ssize_t)len ? 0 : -1;
}

ssize_t
ask_recv(int sock, struct ask_message *m, int *fd)
{
	int got = -1;
	size_t n = 1;
	ssize_t len = fd_recv(sock, m, sizeof(*m), &got, &n);

	if (fd)
		*fd = len > 0 && n ? got : -1;
	else if (len > 0 && n)
		close(got);
	return len < (ssize_t)offsetof(struct ask_message, data) ? -1 : len - (ssize_t)offsetof(struct ask_message, data);
}

enum ask_verdict
ask(int sock, enum ask_kind kind, const void *data, size_t n, struct ask_message *m, size_t *len, int *fd)
{
	ssize_t got = -1;

	if (fd)
		*fd = -1;
	if (ask_send(sock, kind, data, n, -1) == 0)
		got = ask_recv(sock, m, fd);
	*len = got < 0 ? 0 : (size_t)got;
	return got < 0 ? ASK_NO : m->kind;
}
