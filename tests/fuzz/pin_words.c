/* links: vm-pin/change.c vm-pin/cpulist.c vm-pin/cpuset.c vm-pin/place.c vm-pin/read.c vm-pin/record.c vm-pin/sched.c */
/* SPDX-License-Identifier: ISC */
/* Lists of places, as standard input brings them, and records: what is accepted names CPUs and threads that can be. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm-pin/place.h"
#include "vm-pin/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
places(char *text, int root)
{
	const struct guest_thread threads[] = {{.kind = THREAD_VCPU, .index = 2}, {.kind = THREAD_IO}, {.kind = THREAD_MAIN}};
	struct places ps = {0};
	struct cpus c;
	struct why w;

	if (!place_add_list(&ps, text, root, &w))
		for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
			const struct place *p = place_cpus_of(&ps, &threads[i]), *class = place_class_of(&ps, &threads[i]);

			if (p && place_cpus(p, &threads[i], &c) && cpus_empty(&c))
				abort();
			if (class && (class->class.priority > 99 || class->class.nice < -20 || class->class.nice > 19))
				abort();
		}
	places_free(&ps);
}

static void
record(char *text)
{
	struct record r = {.fd = -1};
	uint64_t start;
	pid_t pid;

	if (record_parse(&r, text, &pid, &start)) {
		if (pid <= 0)
			abort();
		for (size_t i = 0; i < r.old.n; i++)
			if (r.old.v[i].thread.tid <= 0)
				abort();
	}
	changes_free(&r.old);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int root = -1;
	char *text = malloc(size + 1);

	if (root < 0)
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	places(text, root);
	memcpy(text, data, size);
	text[size] = '\0';
	record(text);
	free(text);
	return 0;
}
