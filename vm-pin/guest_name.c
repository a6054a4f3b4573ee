/* SPDX-License-Identifier: ISC */
/* What names say of programs, guests and threads; the contracts are in guest_dev.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "common/util.h"
#include "vm-pin/guest_dev.h"
#include "vm-pin/read.h"

void
guest_clean_name(char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			*name = '?';
}

/* "vcpu12" is the 12 of "vcpu"; "CPU 3/KVM" the 3 between its two ends. */
static bool
numbered(const char *name, const char *before, const char *behind, unsigned *index)
{
	size_t len = strlen(name), first = strlen(before), last = strlen(behind);
	char digits[16];
	uint64_t n;

	if (len >= sizeof(digits) || len < first + last || strncmp(name, before, first) || strcmp(name + len - last, behind))
		return false;
	memcpy(digits, name + first, len - first - last);
	digits[len - first - last] = '\0';
	if (!num_parse(digits, 0, CPUS_MAX, &n))
		return false;
	*index = (unsigned)n;
	return true;
}

/* A disk may have been given the id vcpu0, but nobody gives kvm-run's main thread a name. */
void
thread_classify(struct guest_thread *t, const struct guest *g)
{
	static const struct {
		const char *before, *behind;
	} vcpus[] = {
	    {"vcpu", ""},	   /* kvm-run, cloud-hypervisor */
	    {"CPU ", "/KVM"},	   /* QEMU with -name debug-threads=on */
	    {"CPU ", "/TCG"},
	    {"crosvm_vcpu", ""},
	    {"fc_vcpu ", ""},	   /* firecracker */
	    {"kvm-vcpu-", ""},	   /* kvmtool */
	};
	static const char *const io[] = {"IO ", "iou-", "vhost-"};
	static const char recovery[] = "kvm-nx-"; /* KVM's own, which goes over the page tables once an hour (Linux 6.13) */

	t->kind = t->tid == g->pid || g->vmm == VMM_QEMU || !strncmp(t->name, recovery, strlen(recovery)) ? THREAD_MAIN : THREAD_IO;
	for (size_t i = 0; i < ARRAY_LEN(io); i++)
		if (!strncmp(t->name, io[i], strlen(io[i])))
			t->kind = THREAD_IO;
	for (size_t i = 0; t->tid != g->pid && i < ARRAY_LEN(vcpus); i++)
		if (numbered(t->name, vcpus[i].before, vcpus[i].behind, &t->index))
			t->kind = THREAD_VCPU;
}

const char *
thread_kind_name(enum thread_kind kind)
{
	static const char *const names[] = {[THREAD_VCPU] = "vcpu", [THREAD_IO] = "io", [THREAD_MAIN] = "main"};

	return names[kind];
}

/* QEMU's -name: "web", "guest=web,debug-threads=on". */
static void
qemu_name(struct guest *g, const char *value)
{
	const char *at = strstr(value, "guest=");

	if (at && (at == value || at[-1] == ','))
		value = at + strlen("guest=");
	snprintf(g->name, sizeof(g->name), "%.*s", (int)strcspn(value, ","), value);
}

/* -m of both: "1G", "1024,slots=2,maxmem=4G", "size=1G", in MiB unless it says otherwise. */
static void
memory(struct guest *g, const char *value)
{
	char size[24];

	if (!strncmp(value, "size=", 5))
		value += 5;
	snprintf(size, sizeof(size), "%.*s", (int)strcspn(value, ","), value);
	if (!size_parse(size, 1 << 20, 1, INT64_MAX, &g->memory))
		g->memory = 0;
}

/* The value of an argument that is the option, or has it before the value; NULL when it is another. */
static const char *
option_value(const char *arg, const char *next, const char *option)
{
	if (!strcmp(arg, option))
		return next;
	return strncmp(arg, option, strlen(option)) ? NULL : arg + strlen(option);
}

/* The arguments, NUL after each. The last option of its kind is what counts. */
static void
read_options(struct guest *g, const char *args, const char *end)
{
	for (const char *a = args, *next, *value; a < end; a = next) {
		next = a + strlen(a) + 1;
		value = next < end ? next : "";
		if (g->vmm == VMM_QEMU && a[0] == '-' && (!strcmp(a + 1, "name") || !strcmp(a + 1, "-name")))
			qemu_name(g, value);
		else if (g->vmm == VMM_QEMU && a[0] == '-' && (!strcmp(a + 1, "m") || !strcmp(a + 1, "-m")))
			memory(g, value);
		else if (g->vmm == VMM_KVM_RUN && option_value(a, value, "-I"))
			snprintf(g->name, sizeof(g->name), "%s", option_value(a, value, "-I"));
		else if (g->vmm == VMM_KVM_RUN && option_value(a, value, "-m"))
			memory(g, option_value(a, value, "-m"));
	}
}

void
guest_identify(struct guest *g)
{
	size_t len = 0;
	char *args = read_whole(g->proc, "cmdline", &len);
	const char *slash = args ? strrchr(args, '/') : NULL;
	const char *program = slash ? slash + 1 : args ? args : "";

	g->vmm = VMM_OTHER;
	if (!strcmp(program, "kvm-run"))
		g->vmm = VMM_KVM_RUN;
	else if (!strncmp(program, "qemu", 4) || !strcmp(program, "kvm"))
		g->vmm = VMM_QEMU;
	if (!args || !read_text(g->proc, "comm", g->name, sizeof(g->name)))
		g->name[0] = '\0';
	if (args)
		read_options(g, args, args + len);
	free(args);
	guest_clean_name(g->name);
}
