/* links: vm-slirp/forward.c vm-slirp/network.c */
/* SPDX-License-Identifier: ISC */
/* The words of -p, -g, -a, -o, -D and -L, which also come over the control socket: what is accepted says the same again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm-slirp/forward.h"
#include "vm-slirp/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
again(const struct forward *f)
{
	char host[128], guest[64], word[256];
	struct forward g;
	const char *why;

	address_format(&f->host, host, sizeof(host));
	address_format(&f->guest, guest, sizeof(guest));
	snprintf(word, sizeof(word), "%s%s:%s", f->udp ? "udp:" : "", host, guest);
	if (!forward_parse(&g, word, &why) || !forward_same_host(f, &g) || memcmp(&f->guest, &g.guest, sizeof(g.guest)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *word = malloc(size + 1), text[FORWARD_TEXT_MAX];
	struct forward f;
	struct guestfwd g;
	struct network n;
	const char *why = NULL;

	if (!word)
		abort();
	memcpy(word, data, size);
	word[size] = '\0';
	if (forward_parse(&f, word, &why)) {
		forward_format(&f, text);
		if (strlen(text) >= sizeof(text))
			abort();
		again(&f);
	} else if (!why) {
		abort();
	}
	forward_parse_host(&f, word, &why);
	guestfwd_parse(&g, word, &why);
	network_init(&n);
	if (!network_set_host(&n, word) && !network_set_outbound(&n, word) && !network_set_dns(&n, word) &&
	    !network_set_first(&n, word))
		network_finish(&n);
	free(word);
	return 0;
}
