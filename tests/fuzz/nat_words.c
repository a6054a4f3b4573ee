/* links: vm-nat/forward.c */
/* SPDX-License-Identifier: ISC */
/* The words of vm-nat -p, -a and -o, the first of which also come back from the kernel: what is accepted says the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/prefix.h"
#include "vm-nat/forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
again(const struct forward *f)
{
	char word[FORWARD_TEXT_MAX];
	struct forward g;
	const char *why;

	forward_format(f, word);
	for (char *c = word; *c; c++)
		if (*c == '\t')
			*c = ':';
	if (!forward_parse(&g, word, &why) || f->udp != g.udp || f->last != g.last || memcmp(&f->host, &g.host, sizeof(g.host)) ||
	    memcmp(&f->guest, &g.guest, sizeof(g.guest)) || !forward_overlaps(f, &g))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *word = malloc(size + 1), text[PREFIX_TEXT_MAX];
	const char *why = NULL;
	struct prefix p, q;
	struct forward f;

	if (!word)
		abort();
	memcpy(word, data, size);
	word[size] = '\0';
	if (forward_parse(&f, word, &why))
		again(&f);
	else if (!why)
		abort();
	if (prefix_parse(&p, word)) {
		prefix_format(&p, text);
		if (!prefix_parse(&q, text) || memcmp(&p, &q, sizeof(p)) || !prefix_has(&p, &q))
			abort();
	}
	free(word);
	return 0;
}
