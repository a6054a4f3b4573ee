/* SPDX-License-Identifier: ISC */
/* vm-pin pci: hands devices of the host to a guest, and has them given back when it is through with them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/print.h"
#include "common/seal.h"
#include "common/wire.h"
#include "vm-pin/commands.h"
#include "vm-pin/host.h"
#include "vm-pin/pci_hand.h"

struct options {
	bool json, check, only_bind;
	const char *send_to, *user;
	char **program;
};

/* All that is asked for, by group. */
struct assignment {
	struct pci_device devices[PCI_DEVICES_MAX];
	size_t n;
	struct pci_group groups[PCI_DEVICES_MAX];
	size_t ngroups;
};

static void
print_ids(struct printer *p, const char *key, uint32_t first, uint32_t second)
{
	char text[16];

	snprintf(text, sizeof(text), "%04x:%04x", first & 0xffff, second & 0xffff);
	print_word(p, key, text);
}

/* What a device has none of keeps its place in a row. */
static void
print_known(struct printer *p, const char *key, bool known, uint32_t value)
{
	if (known)
		print_number(p, key, value);
	else if (p->form != PRINT_JSON)
		print_word(p, key, "-");
}

static void
print_device(const struct pci_device *d, void *arg)
{
	struct printer *p = arg;
	char class[8];

	snprintf(class, sizeof(class), "%06x", d->class & 0xffffff);
	print_begin(p);
	print_word(p, "address", d->address);
	print_known(p, "group", d->group != PCI_NO_GROUP, d->group);
	print_ids(p, "ids", d->vendor, d->device);
	print_word(p, "class", class);
	if (*d->driver || p->form != PRINT_JSON)
		print_word(p, "driver", *d->driver ? d->driver : "-");
	print_known(p, "node", d->node != HOST_NONE, d->node);
	print_end(p);
}

static bool
is_among(const struct assignment *a, const char *address)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->devices[i].address, address))
			return true;
	return false;
}

/* The words that are addresses; what follows is the program. */
static void
read_devices(struct assignment *a, int root, struct options *o)
{
	char address[PCI_ADDRESS];
	const char *bad;
	struct why w;

	for (; *o->program && pci_address(*o->program, address); o->program++) {
		if (is_among(a, address))
			die_usage("%s: named twice", address);
		if (a->n == PCI_DEVICES_MAX)
			die_usage("%s: more than %d devices", address, PCI_DEVICES_MAX);
		bad = pci_read(root, address, &a->devices[a->n++], &w);
		if (bad)
			die("%s: %s", address, bad);
	}
	if (!a->n)
		die_usage("%s: not the address of a PCI device, as in 0000:00:05.0", *o->program);
}

/* Says all that is wrong. */
static void
check_devices(const struct assignment *a, int root)
{
	bool fine = true;
	struct why w;

	for (size_t i = 0; i < a->n; i++) {
		const char *bad = pci_check(root, &a->devices[i], a->devices, a->n, &w);

		if (bad)
			error("%s: %s", a->devices[i].address, bad);
		fine &= !bad;
	}
	if (!fine)
		exit(diag_exit);
}

static void
sort_into_groups(struct assignment *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct pci_group *g = a->groups;

		while (g < a->groups + a->ngroups && g->number != a->devices[i].group)
			g++;
		if (g == a->groups + a->ngroups)
			*g = (struct pci_group){.number = a->devices[i].group}, a->ngroups++;
		g->devices[g->n++] = a->devices[i];
	}
}

/* The guest's memory is locked while a device can reach it, and how much that is only the guest knows. */
static void
allow_locking(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	if (setrlimit(RLIMIT_MEMLOCK, &all) < 0)
		note(1, "locked memory stays limited");
}

static int
hand_over(const struct options *o, const struct pci_wire *wires, size_t n)
{
	int status = 0;

	if (o->user)
		seal_user(o->user);
	for (size_t i = 0; i < n && !status; i++) {
		const int *fds = wires[i].fds;
		char word[64];

		if (o->send_to) {
			status = wire_send(o->send_to, "pci,fd=0:1:2:3", fds, PCI_WIRE_FDS);
			continue;
		}
		for (size_t k = 0; k < PCI_WIRE_FDS; k++)
			if (!fd_set_cloexec(fds[k], false))
				die_sys("%s", wires[i].address);
		snprintf(word, sizeof(word), "pci,fd=%d:%d:%d:%d", fds[0], fds[1], fds[2], fds[3]);
		wire_export(word);
	}
	if (!o->send_to)
		wire_exec(o->program);
	return status;
}

/* For programs that know VFIO, but no wires: what is held by them is the descriptor that keeps the devices theirs. */
static _Noreturn void
leave_bound(const struct options *o, struct assignment *a)
{
	char word[32];

	for (size_t i = 0; i < a->ngroups; i++) {
		snprintf(word, sizeof(word), "hold,fd=%d", fd_move_high(pci_bind(&a->groups[i])));
		wire_export(word);
		if (o->user)
			pci_give_group(&a->groups[i], o->user);
	}
	if (o->user)
		seal_user(o->user);
	wire_exec(o->program);
}

static int
assign(const struct options *o, struct assignment *a)
{
	struct pci_wire wires[PCI_DEVICES_MAX];
	size_t n = 0;
	int container;

	sort_into_groups(a);
	allow_locking();
	if (o->only_bind)
		leave_bound(o, a);
	for (size_t i = 0; i < a->ngroups; n += a->groups[i++].n) {
		int hold = pci_bind(&a->groups[i]);

		container = i ? wires[0].fds[2] : pci_container();
		pci_open(&a->groups[i], container, hold, &wires[n]);
	}
	return hand_over(o, wires, n);
}

/* VMMs that open VFIO's files themselves, by the names that kvm-run -N has for them. */
static bool
is_vmm(const char *word)
{
	if (strcmp(word, "qemu") && strcmp(word, "ch") && strcmp(word, "crosvm"))
		die_usage("-N %s: not qemu, ch or crosvm", word);
	return true;
}

static void
read_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = next_option(argc, argv, "+:jN:nqS:U:v")) >= 0)
		switch (c) {
		case 'j': o->json = true; break;
		case 'N': o->only_bind = is_vmm(optarg); break;
		case 'n': o->check = true; break;
		case 'S': o->send_to = optarg; break;
		case 'U': o->user = optarg; break;
		}
	o->program = argv + optind;
}

static void
check_usage(const struct options *o)
{
	if (o->send_to && (o->only_bind || *o->program))
		die_usage("-S: no program, and no -N, beside it");
	if (!o->send_to && !o->check && !*o->program)
		die_usage("no program, and no -S, to hand the devices to");
}

int
cmd_pci(int argc, char **argv)
{
	static struct assignment a;
	struct options o = {0};
	struct printer p = {0};
	int root;

	read_options(&o, argc, argv);
	p.form = o.json ? PRINT_JSON : PRINT_ROWS;
	root = host_root("/");
	if (!*o.program) {
		pci_each(root, print_device, &p);
		return 0;
	}
	if (!o.check && !o.send_to)
		diag_exit = 125;
	read_devices(&a, root, &o);
	check_usage(&o);
	check_devices(&a, root);
	for (size_t i = 0; i < a.n && o.check; i++)
		print_device(&a.devices[i], &p);
	close(root);
	return o.check ? 0 : assign(&o, &a);
}
