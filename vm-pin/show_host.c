/* SPDX-License-Identifier: ISC */
/* The machine that guests are to run on, as it is told of; the contract is in show.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/print.h"
#include "common/util.h"
#include "vm-pin/guest.h"
#include "vm-pin/host.h"
#include "vm-pin/read.h"
#include "vm-pin/show.h"

#define RESERVE_PART 8		/* of RAM is what the host is thought to need for itself, */
#define RESERVE_MOST (4ULL << 30) /* but no more than that */

/* What there may be none of: in a row its place stays. */
static void
print_maybe(struct printer *p, const char *key, uint32_t value)
{
	if (value != HOST_NONE)
		print_number(p, key, value);
	else if (p->form != PRINT_JSON)
		print_word(p, key, "-");
}

static void
print_cpus(struct printer *p, const char *key, const struct cpus *c)
{
	char text[CPULIST_TEXT * 4];

	print_word(p, key, cpus_text(c, text, sizeof(text)));
}

/* How many different ones there are, of what each CPU has one. */
static unsigned
count(const struct host *h, uint32_t (*of)(const struct host_cpu *c))
{
	struct cpus seen = {0};

	for (unsigned c = 0; c < h->ncpus; c++)
		if (of(&h->cpu[c]) < CPUS_MAX)
			cpus_add(&seen, of(&h->cpu[c]));
	return cpus_count(&seen);
}

static uint32_t
socket_of(const struct host_cpu *c)
{
	return c->socket;
}

static uint32_t
core_of(const struct host_cpu *c)
{
	return c->core;
}

static void
print_model(struct printer *p, int root)
{
	char text[4096], model[128] = "";
	const char *colon;

	if (read_text(root, "proc/cpuinfo", text, sizeof(text)))
		read_field(text, "model name", model, sizeof(model));
	colon = strstr(model, ": ");
	print_word(p, "model", colon ? colon + 2 : model);
}

static void
print_counts(struct printer *p, const struct host *h, int root)
{
	struct cpus offline = h->present;
	char smt[32];

	cpus_without(&offline, &h->online);
	print_number(p, "sockets", count(h, socket_of));
	print_number(p, "cores", count(h, core_of));
	print_number(p, "threads", cpus_count(&h->online));
	print_number(p, "nodes", cpus_count(&h->nodes));
	print_word(p, "smt", read_text(root, "sys/devices/system/cpu/smt/control", smt, sizeof(smt)) ? smt : "");
	print_cpus(p, "online", &h->online);
	print_cpus(p, "offline", &offline);
	print_cpus(p, "isolated", &h->isolated);
	print_cpus(p, "nohz_full", &h->nohz_full);
}

/* "on" and "off" for what the kernel writes in several ways; "" where this module has no such parameter. */
static void
print_parameter(struct printer *p, int root, const char *module, const char *parameter)
{
	char path[96], text[32];

	snprintf(path, sizeof(path), "sys/module/%s/parameters/%s", module, parameter);
	if (!*module || !read_text(root, path, text, sizeof(text)))
		text[0] = '\0';
	print_word(p, parameter, !strcmp(text, "1") || !strcmp(text, "Y") ? "on" : !strcmp(text, "0") || !strcmp(text, "N") ? "off" : text);
}

/* The module behind /dev/kvm. VPID is Intel's; AMD's ASIDs are always there. */
static void
print_kvm(struct printer *p, int root)
{
	static const char *const modules[] = {"kvm_intel", "kvm_amd", "kvm_pvm"};
	static const char *const parameters[] = {"ept", "npt", "vpid", "nested"};
	const char *module = "";
	char path[48];

	for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
		snprintf(path, sizeof(path), "sys/module/%s", modules[i]);
		if (faccessat(root, path, F_OK, 0) == 0)
			module = modules[i];
	}
	print_word(p, "kvm", module);
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		print_parameter(p, root, module, parameters[i]);
}

/* RAM that all guests may come to use, whatever they use now. */
static uint64_t
guests_ram(int root)
{
	struct guest *guests;
	size_t n = guest_find_all(&guests, root);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += guest_ram(&guests[i]);
		guest_free(&guests[i]);
	}
	free(guests);
	return sum;
}

/* What all guests and the host together want beyond RAM has to be swap, else the kernel ends one of them when it comes to it. */
static void
print_memory(struct printer *p, const struct host *h, int root, uint64_t reserve)
{
	uint64_t ram = host_meminfo(root, "MemTotal:"), guests = guests_ram(root), huge = 0;

	for (unsigned n = cpus_next(&h->nodes, 0); n < HOST_NODES; n = cpus_next(&h->nodes, n + 1))
		for (unsigned i = 0; i < HOST_PAGE_SIZES; i++)
			huge += h->node[n].huge_free[i] * h->page_size[i];
	if (reserve == SHOW_RESERVE)
		reserve = min_u64(ram / RESERVE_PART, RESERVE_MOST);
	print_number(p, "memory", ram);
	print_number(p, "available", host_meminfo(root, "MemAvailable:"));
	print_number(p, "huge_free", huge);
	print_number(p, "guests", guests);
	print_number(p, "reserve", reserve);
	print_number(p, "swap", host_meminfo(root, "SwapTotal:"));
	print_number(p, "swap_needed", guests + reserve > ram ? guests + reserve - ram : 0);
}

static void
print_nodes(struct printer *p, const struct host *h)
{
	print_list(p, "node", "node");
	for (unsigned n = cpus_next(&h->nodes, 0); n < HOST_NODES; n = cpus_next(&h->nodes, n + 1)) {
		const struct host_node *node = &h->node[n];
		char distances[4 * HOST_NODES + 1] = "";
		size_t len = 0;

		for (unsigned to = cpus_next(&h->nodes, 0); to < HOST_NODES; to = cpus_next(&h->nodes, to + 1))
			len += (size_t)snprintf(distances + len, sizeof(distances) - len, "%s%u", len ? "," : "", node->distance[to]);
		print_row(p);
		print_number(p, "node", n);
		print_cpus(p, "cpus", &node->cpus);
		print_number(p, "memory", node->total);
		print_number(p, "free", node->free);
		print_word(p, "distances", distances);
		print_row_end(p);
	}
	print_list_end(p);
}

static void
print_huge(struct printer *p, const struct host *h)
{
	print_list(p, "huge", "huge");
	for (unsigned i = 0; i < HOST_PAGE_SIZES && h->page_size[i]; i++) {
		for (unsigned n = cpus_next(&h->nodes, 0); n < HOST_NODES; n = cpus_next(&h->nodes, n + 1)) {
			print_row(p);
			print_number(p, "size", h->page_size[i]);
			print_number(p, "node", n);
			print_number(p, "pages", h->node[n].huge[i]);
			print_number(p, "free", h->node[n].huge_free[i]);
			print_row_end(p);
		}
	}
	print_list_end(p);
}

static void
print_caches(struct printer *p, const struct host *h, int root)
{
	struct host_cache *v;
	size_t n;

	v = host_caches(h, root, &n);
	print_list(p, "cache", "cache");
	for (size_t i = 0; i < n; i++) {
		print_row(p);
		print_number(p, "level", v[i].level);
		print_word(p, "type", v[i].type);
		print_number(p, "size", v[i].size);
		print_cpus(p, "cpus", &v[i].cpus);
		print_row_end(p);
	}
	print_list_end(p);
	free(v);
}

static void
print_each_cpu(struct printer *p, const struct host *h)
{
	print_list(p, "cpu", "cpu");
	for (unsigned c = cpus_next(&h->present, 0); c < h->ncpus; c = cpus_next(&h->present, c + 1)) {
		print_row(p);
		print_number(p, "cpu", c);
		print_word(p, "state", !cpus_has(&h->online, c) ? "offline" : cpus_has(&h->isolated, c) ? "isolated" : "online");
		print_maybe(p, "socket", h->cpu[c].socket);
		print_maybe(p, "core", h->cpu[c].core);
		print_maybe(p, "node", h->cpu[c].node);
		print_maybe(p, "l3", h->cpu[c].l3);
		print_word(p, "kind", h->cpu[c].small ? "small" : "-");
		print_row_end(p);
	}
	print_list_end(p);
}

void
show_host(struct printer *p, int root, uint64_t reserve)
{
	struct host h;

	host_read(&h, root);
	print_begin(p);
	print_model(p, root);
	print_counts(p, &h, root);
	print_kvm(p, root);
	print_memory(p, &h, root, reserve);
	print_nodes(p, &h);
	print_huge(p, &h);
	print_caches(p, &h, root);
	print_each_cpu(p, &h);
	print_end(p);
	host_free(&h);
}
