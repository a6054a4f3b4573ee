/* SPDX-License-Identifier: ISC */
/* How much RAM a guest has; the contract is in guest.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm-pin/guest.h"
#include "vm-pin/read.h"
#include "vm-pin/talk.h"

#define RAM_LEAST (32ULL << 20) /* what is smaller is a screen's memory, a ROM, the heap; unless there is nothing larger */

struct tally {
	uint64_t sum, largest;
	uint64_t end, run; /* of the run of mappings without a gap that is being read: its end and length */
};

static void
close_run(struct tally *t)
{
	if (t->run >= RAM_LEAST)
		t->sum += t->run;
	if (t->run > t->largest)
		t->largest = t->run;
	t->run = 0;
}

/* "7f0000000000-7f0040000000 rw-p 00000000 00:00 0 ...": memory that is written and holds no code of the VMM's own. */
static void
add_mapping(struct tally *t, const char *line)
{
	uint64_t from, to;
	char rights[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, rights) != 3 || to < from)
		return;
	if (from != t->end)
		close_run(t);
	if (!strncmp(rights, "rw-", 3))
		t->run += to - from;
	else
		close_run(t);
	t->end = to;
}

uint64_t
guest_ram(const struct guest *g)
{
	struct tally t = {0};
	uint64_t told = g->talk ? talk_memory(g->talk) : 0;
	size_t len;
	char *text, *line, *rest = NULL;

	if (told || g->memory)
		return told ? told : g->memory;
	text = read_whole(g->proc, "maps", &len);
	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		add_mapping(&t, line);
	close_run(&t);
	free(text);
	return t.sum ? t.sum : t.largest;
}
