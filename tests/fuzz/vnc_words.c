/* links: vm-vnc/names.c vm-vnc/users.c vm-vnc/doors.c vm-vnc/meeting.c vm-vnc/policy.c vm-vnc/peer.c vm-vnc/throttle.c vm-vnc/vncauth.c vm-vnc/secret_file.c vm-vnc/tls.c vm-vnc/stream.c vm-vnc/ws_frame.c vm-vnc/http_request.c vm-vnc/web.c vm-vnc/web_file.c vm-vnc/web_upgrade.c vm-vnc/hello.c vm-vnc/hello_sasl.c vm-vnc/vencrypt.c vm-vnc/ask.c vm-vnc/clerk.c vm-vnc/clerk_run.c vm-vnc/clerk_sasl.c vm-vnc/gate.c vm-vnc/pump.c */
/* SPDX-License-Identifier: ISC */
/* Words of the front: names of the access list against names of a viewer, listeners' addresses, a file of users. */
#include <stdlib.h>
#include <string.h>

#include "vm-vnc/doors.h"
#include "vm-vnc/names.h"
#include "vm-vnc/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name is on the list of itself, and of what is a star of its kind; never on that of another kind. */
static void
names(char *word, const char *name)
{
	struct names l = {.n = 0}, star = {.n = 0}, other = {.n = 0};

	if (names_add(&l, word))
		return;
	names_has(&l, name);
	if (!strchr(word, '*') && !names_has(&l, word))
		abort();
	names_add(&star, "cn:*");
	names_add(&other, "dns:*");
	if (names_has(&star, word) != !strncmp(word, "cn:", 3) || names_has(&other, word) != !strncmp(word, "dns:", 4))
		abort();
}

static void
listener(const char *word)
{
	const char *why = NULL;
	union address a, b;
	char text[ADDRESS_TEXT_MAX];

	if (!doors_parse(&a, word, true, &why)) {
		if (!why)
			abort();
		return;
	}
	if (!address_port(&a) || address_port(&a) < 100)
		return;
	address_format(&a, text, sizeof(text));
	if (!doors_parse(&b, text, true, &why) || address_port(&a) != address_port(&b))
		abort();
}

static void
user_file(char *text)
{
	static struct users u;
	unsigned line;

	if (users_parse(&u, text, &line))
		return;
	for (size_t i = 0; i < u.n; i++)
		if (!*u.list[i].name || *u.list[i].hash != '$' || strpbrk(u.list[i].name, ":\n"))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *second;

	if (size < 2 || size > 2048 || !(text = malloc(size)))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	second = strchr(text, '\n');
	switch (data[0] % 3) {
	case 0:
		if (second)
			*second++ = '\0';
		names(text, second ? second : "cn:x");
		break;
	case 1:
		listener(text);
		break;
	default:
		user_file(text);
	}
	free(text);
	return 0;
}
