/* SPDX-License-Identifier: ISC */
/* The host's memory; the contracts are in memory_host.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "kvm-run/memory_host.h"

#define NODE "/sys/devices/system/node/node%d/"

/* The beginning of a small file; false when there is none. */
static bool
read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The number that the text begins with, behind blanks. */
static uint64_t
number(const char *text)
{
	uint64_t n = 0;

	for (text += strspn(text, " \t"); *text >= '0' && *text <= '9'; text++)
		n = 10 * n + (uint64_t)(*text - '0');
	return n;
}

/* The number behind a name, 0 if it is not there. */
static uint64_t
field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? number(at + strlen(name)) : 0;
}

/* One of the counts of huge pages of that size; false: no such size. */
static bool
huge_count(uint64_t page, int node, const char *name, uint64_t *count)
{
	char path[128], text[32];
	int n = node == HOST_ANY_NODE ? snprintf(path, sizeof(path), "/sys/kernel/mm/") : snprintf(path, sizeof(path), NODE, node);

	snprintf(path + n, sizeof(path) - (size_t)n, "hugepages/hugepages-%llukB/%s", (unsigned long long)page >> 10, name);
	if (!read_text(path, text, sizeof(text)))
		return false;
	*count = number(text);
	return true;
}

/* What may be had: those that are free and not promised to others, and those that the kernel may add. Promises are of no node. */
static bool
huge_free(uint64_t page, int node, uint64_t *count)
{
	uint64_t reserved = 0, more = 0, surplus = 0;

	if (!huge_count(page, node, "free_hugepages", count))
		return false;
	if (node == HOST_ANY_NODE) {
		huge_count(page, node, "resv_hugepages", &reserved);
		huge_count(page, node, "nr_overcommit_hugepages", &more);
		huge_count(page, node, "surplus_hugepages", &surplus);
	}
	*count -= reserved < *count ? reserved : *count;
	*count += more > surplus ? more - surplus : 0;
	return true;
}

static const char *
where(int node, char text[32])
{
	if (node == HOST_ANY_NODE)
		return "the host";
	snprintf(text, 32, "the host's node %d", node);
	return text;
}

const char *
memory_host_huge(uint64_t page, uint64_t size, int node, struct why *w)
{
	unsigned long long wanted = size / page, mib = page >> 20;
	char text[32];
	uint64_t free;

	if (!huge_free(page, node, &free))
		return why(w, "%s has no huge pages of %llu MiB", where(node, text), mib);
	if (free >= wanted)
		return NULL;
	return why(w, "%llu huge pages of %llu MiB are needed, and %s has %llu free: see nr_hugepages", wanted, mib,
	    where(node, text), (unsigned long long)free);
}

const char *
memory_host_room(uint64_t size, int node, struct why *w)
{
	char path[64] = "/proc/meminfo", text[8192], name[32];
	uint64_t kib;

	if (node != HOST_ANY_NODE)
		snprintf(path, sizeof(path), NODE "meminfo", node);
	if (!read_text(path, text, sizeof(text)))
		return NULL;
	if (node == HOST_ANY_NODE)
		kib = field(text, "\nMemAvailable:") + field(text, "\nSwapFree:");
	else /* what proc(5) says MemAvailable is made of */
		kib = field(text, " MemFree:") + field(text, " Active(file):") + field(text, " Inactive(file):") + field(text, " SReclaimable:");
	if (!kib || kib >= size >> 10)
		return NULL;
	return why(w, "%llu MiB are needed, and %s has %llu MiB", (unsigned long long)size >> 20, where(node, name),
	    (unsigned long long)kib >> 10);
}

bool
memory_host_merges(void)
{
	char text[16];

	return read_text("/sys/kernel/mm/ksm/run", text, sizeof(text)) && text[0] == '1';
}
