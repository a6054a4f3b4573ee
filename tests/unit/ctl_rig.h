/* SPDX-License-Identifier: ISC */
/* The control protocol's connections and requests; the machine and the guest are played here. For its two unit tests. */
#ifndef TESTS_UNIT_CTL_RIG_H
#define TESTS_UNIT_CTL_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "kvm-run/ahci.h"
#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl.h"
#include "kvm-run/dump.h"
#include "kvm-run/lpc.h"
#include "kvm-run/memory.h"
#include "kvm-run/seal_threads.h"
#include "kvm-run/stats.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_balloon.h"
#include "kvm-run/virtio_mem.h"
#include "kvm-run/virtio_net.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"
#include "tests/unit/tap.h"

#define HOT_SLOT 5

static struct vm vm;
static struct lpc lpc;
static const struct virtio_ops net_ops = {.device_id = VIRTIO_ID_NET};
static struct virtio_dev net0 = {.ops = &net_ops}, hot = {.ops = &net_ops};
static struct vcpu vcpus[302];
static bool link_up = true;
static int listener;
static unsigned buttons, resets, notified_up, notified_down;
static const char *refuse; /* vm_add_device */

void
vm_end(struct vm *v, enum vm_end how)
{
	v->end = how;
}

const char *
memory_merge(struct vm *v, bool on)
{
	v->mem.merge = on;
	return v->mem.fd < 0 ? NULL : "only private memory";
}

enum ctl_done
ctl_dump(struct ctl_request *r, char **word)
{
	return ctl_no(r, "%s", word[0]);
}

void
dump_print_status(const struct vm *v, struct ctl_answer *a)
{
	(void)v;
	(void)a;
}

void
vm_pause(struct vm *v)
{
	v->paused = true;
}

void
vm_resume(struct vm *v)
{
	v->paused = false;
}

void
vm_reset(struct vm *v)
{
	(void)v;
	resets++;
}

void
vm_power_button(struct vm *v)
{
	(void)v;
	buttons++;
}

const char *
vm_add_device(struct vm *v, const struct wire *w, bool is_hot, char *why, size_t size)
{
	struct vm_device *d = &v->devices[v->ndevices];

	(void)why, (void)size;
	if (refuse)
		return refuse;
	hot.pci.slot = HOT_SLOT;
	v->pci.slots[HOT_SLOT] = &hot.pci;
	*d = (struct vm_device){.kind = w->kind, .virtio = &hot, .net = (struct net_dev *)&hot, .hot = is_hot};
	strcpy(d->id, w->id);
	v->ndevices++;
	return NULL;
}

struct vm_device *
vm_find_device(struct vm *v, const char *id)
{
	for (unsigned i = 0; i < v->ndevices; i++)
		if (!strcmp(v->devices[i].id, id))
			return &v->devices[i];
	return NULL;
}

void
vm_remove_device(struct vm *v, struct vm_device *d)
{
	struct wire *w = v->wires.v;

	while (strcmp(w->id, d->id))
		w++;
	v->pci.slots[HOT_SLOT] = NULL;
	close(w->fds[0]);
	wires_unplug(&v->wires, w);
	*d = v->devices[--v->ndevices];
}

struct vcpu *
vcpu_next(const struct vm *v, const struct vcpu *after)
{
	size_t next = after ? (size_t)(after - vcpus) + 1 : 0;

	return next < v->nvcpus ? &vcpus[next] : NULL;
}

enum ctl_done
ctl_stats(struct ctl_request *r, char **word)
{
	(void)word;
	ctl_print(r->answer, "vcpu0\tio\t1\n");
	return CTL_OK;
}

/* The drive: what was last put into it, "-" after an eject. */
static const char *change_refused;
static char medium[32];
static int medium_fd = -1;

const char *
ahci_change(struct ahci_port *p, const struct vm *v, const struct wire *w, char *why, size_t size)
{
	(void)p, (void)v, (void)why, (void)size;
	if (change_refused)
		return change_refused;
	if (medium_fd >= 0)
		close(medium_fd);
	medium_fd = w ? w->fds[0] : -1;
	strcpy(medium, w ? w->id : "-");
	return NULL;
}

bool
ahci_is_cdrom(const struct ahci_port *p)
{
	return p != NULL;
}

void
lpc_event(struct lpc *l, unsigned gpe)
{
	(void)l, (void)gpe;
}

/* The registers of vCPUs that come and go. */
static struct bus_range cpu_registers;

void
bus_add(struct bus *b, uint64_t base, uint64_t len, bus_access *access, void *dev)
{
	(void)b;
	cpu_registers = (struct bus_range){base, len, access, dev};
}

const char *
vcpu_plug(struct vcpu *v)
{
	v->plugged = true;
	return NULL;
}

void
vcpu_unplug(struct vcpu *v)
{
	v->plugged = false;
}

void
lpc_hotplug_notify(struct lpc *l, unsigned slot, bool add)
{
	(void)l;
	*(add ? &notified_up : &notified_down) |= 1U << slot;
}

bool
wiring_check_one(const struct wires *ws, const struct wire *w, char *why, size_t size)
{
	(void)ws, (void)w, (void)why, (void)size;
	return true;
}

enum wire_as
wiring_as(const struct wires *ws, const struct wire *w)
{
	(void)ws;
	return w->kind == WIRE_CTL && w->fds[0] == listener ? AS_LISTEN : w->kind == WIRE_CON ? AS_SERIAL : AS_NONE;
}

void
net_set_link(struct net_dev *d, bool up)
{
	(void)d;
	link_up = up;
}

const uint8_t *
net_mac(const struct net_dev *d)
{
	return ((const struct virtio_dev *)d)->config;
}

bool
net_link(const struct net_dev *d)
{
	(void)d;
	return link_up;
}

void
net_get_stats(const struct net_dev *d, struct net_stats *s)
{
	(void)d;
	*s = (struct net_stats){1, 2, 3, 4, 5, 6};
}

void
seal_thread_io(void)
{
}

/* The balloon: it can be asked while the guest holds a buffer for the answer. */
static struct balloon_state balloon;
static bool balloon_answers;
static unsigned balloon_asked;

void
balloon_set(struct virtio_dev *d, uint64_t bytes)
{
	(void)d;
	balloon.target = bytes;
}

bool
balloon_ask(struct virtio_dev *d)
{
	(void)d;
	balloon_asked++;
	return balloon_answers;
}

void
balloon_get(struct virtio_dev *d, struct balloon_state *s)
{
	(void)d;
	*s = balloon;
}

static struct virtio_mem_state plugged;

void
virtio_mem_get(struct virtio_dev *d, struct virtio_mem_state *s)
{
	(void)d;
	*s = plugged;
}

void
virtio_mem_set(struct virtio_dev *d, uint64_t bytes)
{
	(void)d;
	plugged.requested = bytes;
}

/* Runs the loop until nothing has happened for a while. */
static void
run(void)
{
	struct pollfd p = {.fd = vm.loop.epfd, .events = POLLIN};

	while (poll(&p, 1, 50) > 0)
		loop_once(&vm.loop, 0);
}

/* What came back by now. */
static const char *
answer(int fd)
{
	static char buf[70000];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	run();
	while (len < sizeof(buf) - 1 && poll(&p, 1, 50) > 0) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
		run();
	}
	buf[len] = '\0';
	return buf;
}

static void
say(int fd, const char *s)
{
	if (write(fd, s, strlen(s)) != (ssize_t)strlen(s))
		die_sys("write");
}

static bool
talk(int fd, const char *request, const char *wanted)
{
	const char *a;

	say(fd, request);
	a = answer(fd);
	if (strcmp(a, wanted))
		printf("# %s# got: %s# not: %s", request, a, wanted);
	return !strcmp(a, wanted);
}

static bool
is_open(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	run();
	return poll(&p, 1, 0) == 0;
}

/* What a client of the three kinds of wires has: a socket, the ends of two pipes; or it connects to the path. */
static struct {
	char dir[24], path[32];
	int socket, in, out;
} rig = {.dir = "/tmp/ctl-XXXXXX"};

static void
rig_make(void)
{
	int in[2], out[2], pair[2];
	char why[100];

	diag_init("ctl", 1);
	diag_verbose = -1;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(rig.dir) || pipe(in) || pipe(out) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || loop_init(&vm.loop))
		die_sys("set-up");
	snprintf(rig.path, sizeof(rig.path), "%s/ctl", rig.dir);
	rig.socket = pair[1];
	rig.in = in[1];
	rig.out = out[0];
	listener = fd_listen_unix(rig.path);
	vm.opt.name = "g";
	vm.mem = (struct guest_mem){.size = 1 << 20, .page = 4096, .fd = -1};
	vm.opt.memory = (struct memory_options)MEMORY_OPTIONS_NONE;
	vm.lpc = &lpc;
	vm.vcpus = vcpus;
	vm.nvcpus = 300;
	for (unsigned i = 0; i < 300; i++)
		vcpus[i] = (struct vcpu){.index = i, .plugged = true, .tid = 4000 + (pid_t)i};
	vm.pci.hot_slots = 1U << HOT_SLOT;
	net0.pci.slot = 3;
	memcpy(net0.config, "\x52\x54\x00\x01\x02\x03", 6);
	vm.devices[vm.ndevices++] = (struct vm_device){.id = "net0", .kind = WIRE_NET, .virtio = &net0, .net = (struct net_dev *)&net0};
	vm.wires.v[vm.wires.n++] = (struct wire){.kind = WIRE_CON, .id = "con0", .fds = {0, 1}, .nfds = 2};
	vm.wires.v[vm.wires.n++] = (struct wire){.kind = WIRE_CTL, .id = "ctl0", .fds = {pair[0]}, .nfds = 1};
	vm.wires.v[vm.wires.n++] = (struct wire){.kind = WIRE_CTL, .id = "ctl1", .fds = {in[0], out[1]}, .nfds = 2};
	vm.wires.v[vm.wires.n++] = (struct wire){.kind = WIRE_CTL, .id = "ctl2", .fds = {listener}, .nfds = 1};
	if (ctl_create(&vm, why, sizeof(why)))
		die("%s", why);
}

static void
rig_unmake(void)
{
	ctl_destroy(&vm);
	unlink(rig.path);
	rmdir(rig.dir);
}

#endif
