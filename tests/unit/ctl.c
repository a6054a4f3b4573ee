/* links: kvm-run/cpuhp.c kvm-run/ctl.c kvm-run/ctl_client.c kvm-run/ctl_request.c kvm-run/ctl_vcpu.c kvm-run/ctl_balloon.c kvm-run/ctl_memory.c kvm-run/hotplug.c kvm-run/con_out.c */
/* SPDX-License-Identifier: ISC */
/* The control protocol over sockets and fifos, and hot-plug; the machine and the guest are played here. */
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

static void
test_other_memory(int fd)
{
	const struct memory_options old = vm.opt.memory;

	vm.opt.memory = (struct memory_options){.nodes = 2, .node_size = {1 << 19, 1 << 19}, .hosts = 2, .host = {1, 0}, .lock = true};
	vm.opt.populate = true;
	vm.mem.fd = 7;
	vm.mem.page = 2 << 20;
	ok(talk(fd, "memory\n", "size\t1048576\npage\t2097152\nfrom\tshared\npopulated\ton\nlock\ton\nmerge\toff\nthp\t-\n"
	    "node0\t524288\t1\nnode1\t524288\t0\nok\n"), "memory that is shared, huge, locked, populated, bound");
	ok(talk(fd, "merge on\n", "no only private memory\n"), "merge refused");
	vm.opt.memory = old;
	vm.opt.populate = false;
	vm.mem.fd = -1;
	vm.mem.page = 4096;
}

static void
test_requests(int fd)
{
	char want[100];

	snprintf(want, sizeof(want), "name\tg\nstate\trunning\npid\t%d\nvcpus\t300\nmemory\t1048576\nvcpus-max\t0\nok\n", (int)getpid());
	ok(talk(fd, "status\n", want), "status");
	ok(talk(fd, "stop\nstop\n", "ok\nok\n") && vm.paused, "stop, twice");
	ok(talk(fd, "cont\r\n", "ok\n") && !vm.paused, "cont");
	ok(talk(fd, "powerdown\n", "ok\n") && buttons == 1, "powerdown");
	ok(talk(fd, "reset\n", "ok\n") && resets == 1, "reset");
	ok(talk(fd, "devices\n", "con0\tcon\tCOM1\t-\nnet0\tnet\t00:03.0\t-\nok\n"), "devices");
	ok(talk(fd, "net\n", "net0\t52:54:00:01:02:03\tup\t1\t2\t3\t4\t5\t6\nok\n"), "net");
	ok(talk(fd, "link net0 down\n", "ok\n") && !link_up, "link down");
	ok(talk(fd, "link net0 up\n", "ok\n") && link_up, "link up");
	ok(talk(fd, "link net0 off\n", "no off: neither up nor down\n"), "link to neither");
	ok(talk(fd, "memory\n", "size\t1048576\npage\t4096\nfrom\tprivate\npopulated\toff\nlock\toff\nmerge\toff\nthp\talways\n"
	    "node0\t1048576\t-\nok\n"), "memory");
	ok(talk(fd, "merge on\n", "ok\n") && vm.mem.merge && talk(fd, "merge off\n", "ok\n") && !vm.mem.merge, "merge");
	ok(talk(fd, "merge in\n", "no in: neither on nor off\n"), "merge neither");
	test_other_memory(fd);
	ok(talk(fd, "link con0 up\n", "no con0: no such network device\n"), "link of no net");
	ok(talk(fd, "quit\n", "ok\n") && vm.end == VM_QUIT, "quit");
	say(fd, "vcpus\n");
	ok(strstr(answer(fd), "\n299\t4299\nok\n"), "vcpus");
	say(fd, "help\n");
	ok(strstr(answer(fd), "\nunplug ID|vcpuN\t"), "help");
}

static void
test_lines(int fd)
{
	static char line[10001];

	ok(talk(fd, "\n  \n", "ok\nok\n"), "empty lines");
	ok(talk(fd, "dance\n", "no unknown request; try help\n"), "an unknown word");
	ok(talk(fd, "stop it\n", "no usage: stop\n"), "too many words");
	ok(talk(fd, "link\n", "no usage: link ID up|down\n"), "too few words");
	ok(talk(fd, "a b c d e f\n", "no unknown request; try help\n"), "far too many words");
	say(fd, "sta");
	run();
	ok(talk(fd, "tusx\n", "no unknown request; try help\n"), "a line in two pieces");
	memset(line, 'x', sizeof(line) - 1);
	say(fd, line);
	ok(talk(fd, "x\ncont\n", "no line too long\nok\n"), "a line of 10001 bytes, and one after it");
	line[CTL_LINE_MAX - 1] = '\n';
	line[CTL_LINE_MAX] = '\0';
	ok(talk(fd, line, "no unknown request; try help\n"), "a line of just 4 KiB");
	memset(line, 'y', CTL_LINE_MAX);
	line[CTL_LINE_MAX] = '\n';
	line[CTL_LINE_MAX + 1] = '\0';
	ok(talk(fd, line, "no line too long\n"), "a line of one byte more");
	ok(talk(fd, "cont\n", "ok\n"), "and the next one");
}

/* Who asks much and reads nothing is not read from any more. */
static void
test_slow(const char *path)
{
	int fd = fd_connect_unix(path), other = fd_connect_unix(path);
	size_t sent = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = write(fd, "help\nvcpus\n", 11)) > 0 && sent < (10 << 20)) {
		sent += (size_t)n;
		if (sent % 1100 == 0)
			run();
	}
	ok(n < 0 && errno == EAGAIN, "a client who does not read has to wait, after %zu bytes", sent);
	ok(talk(other, "cont\n", "ok\n"), "others do not");
	close(fd);
	ok(talk(other, "cont\n", "ok\n"), "nor when it goes away");
	close(other);
}

static void
test_clients(const char *path)
{
	int fds[CTL_CLIENTS_MAX + 3], more = CTL_CLIENTS_MAX + 2;
	struct stat st;
	char buf[8];

	ok(!stat(path, &st) && (st.st_mode & 0777) == 0600, "the socket is its owner's");
	fds[0] = fd_connect_unix(path);
	say(fds[0], "cont");
	shutdown(fds[0], SHUT_WR);
	ok(!strcmp(answer(fds[0]), "ok\n"), "the last line may lack its newline");
	ok(!is_open(fds[0]) && read(fds[0], buf, 1) == 0, "then the connection ends");
	close(fds[0]);
	for (int i = 0; i < more; i++) {
		fds[i] = fd_connect_unix(path);
		say(fds[i], "cont\n");
		run();
	}
	ok(!strcmp(answer(fds[1]), "ok\n"), "many clients");
	ok(is_open(fds[more - 1]), "too many wait");
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	ok(!strcmp(answer(fds[more - 1]), "ok\n"), "until others go");
	for (int i = 4; i < more; i++)
		close(fds[i]);
	run();
}

static void
eject(void)
{
	vm.lpc->eject(&vm, 1U << HOT_SLOT);
	run();
}

static void
test_hotplug(const char *path)
{
	int fd = fd_connect_unix(path), fds[2] = {open("/dev/null", O_RDWR), open("/dev/null", O_RDWR)};
	int before = dup(0), after;

	close(before);
	fd_send(fd, "wire net,fd=0,id=new\n", 21, fds, 1);
	ok(!strcmp(answer(fd), "ok new\n") && notified_up == 1U << HOT_SLOT, "wire");
	ok(talk(fd, "wire net,fd=0,id=new2\n", "no fd 0: only 0 descriptors came\n"), "wire without a descriptor");
	fd_send(fd, "wire blk,fd=0\n", 14, fds, 1);
	ok(!strcmp(answer(fd), "no no slots\n"), "wire with all slots taken");
	fd_send(fd, "wire con,fd=0,id=c\n", 19, fds, 1);
	ok(!strcmp(answer(fd), "no only net, blk and pci can be plugged in\n"), "wire of a kind that stays");
	ok(talk(fd, "devices\n", "con0\tcon\tCOM1\t-\nnet0\tnet\t00:03.0\t-\nnew\tnet\t00:05.0\thot\nok\n"), "devices");
	ok(talk(fd, "unplug net0\n", "no net0: was there at the start, so it stays\n"), "unplug of what stays");
	ok(talk(fd, "unplug nix\n", "no nix: no such device\n"), "unplug of nothing");
	say(fd, "unplug new\ncont\n");
	run();
	ok(is_open(fd) && notified_down == 1U << HOT_SLOT, "unplug waits for the guest");
	eject();
	ok(!strcmp(answer(fd), "ok\nok\n"), "and is answered when it has ejected it");
	ok(talk(fd, "unplug new\n", "no new: no such device\n"), "gone");
	refuse = "out of order";
	fd_send(fd, "wire net,fd=0:1,id=new\n", 23, fds, 2);
	ok(!strcmp(answer(fd), "no out of order\n"), "a device that cannot be made");
	refuse = NULL;
	fd_send(fd, "cont\n", 5, fds, 2);
	ok(!strcmp(answer(fd), "ok\n"), "descriptors nobody asked for");
	after = dup(0);
	ok(before == after, "are closed, as are the others, %d %d", before, after);
	close(after);
	fd_send(fd, "wire net,fd=0,id=new\n", 21, fds, 1);
	ok(!strcmp(answer(fd), "ok new\n"), "wire again");
	say(fd, "unplug new\n");
	run();
	close(fd);
	eject();
	ok(vm.ndevices == 1, "a client that left before the guest answered");
	close(fds[0]);
	close(fds[1]);
}

static void
test_media(const char *path)
{
	static char port;
	int fd = fd_connect_unix(path), file = open("/dev/null", O_RDONLY), before, after;
	struct vm_device *d = &vm.devices[vm.ndevices++];

	talk(fd, "cont\n", "ok\n");
	before = dup(0);
	close(before);
	*d = (struct vm_device){.id = "cd", .kind = WIRE_BLK, .ata = (struct ahci_port *)&port, .pci = &net0.pci};
	fd_send(fd, "change cd blk,fd=0,as=qcow2\n", 28, &file, 1);
	ok(!strcmp(answer(fd), "ok\n") && !strncmp(medium, "blk", 3) && wires_find(&vm.wires, "cd"), "change of an empty drive");
	fd_send(fd, "wire blk,fd=0,id=cd,media=cdrom\n", 32, &file, 1);
	ok(!strcmp(answer(fd), "ok cd\n") && !strcmp(medium, "cd"), "a loader's wire with the drive's id is its medium");
	change_refused = "locked";
	fd_send(fd, "change cd blk,fd=0\n", 19, &file, 1);
	ok(!strcmp(answer(fd), "no cd: locked\n") && wires_find(&vm.wires, "cd"), "refused: the old one stays");
	ok(talk(fd, "eject cd\n", "no cd: locked\n") && wires_find(&vm.wires, "cd"), "so it does when it is not ejected");
	change_refused = NULL;
	ok(talk(fd, "eject cd\n", "ok\n") && !wires_find(&vm.wires, "cd"), "eject");
	ok(talk(fd, "eject cd\n", "ok\n"), "eject of an empty drive");
	fd_send(fd, "change cd con,fd=0\n", 19, &file, 1);
	ok(!strcmp(answer(fd), "no cd: not a blk wire\n"), "change by something else");
	fd_send(fd, "change net0 blk,fd=0\n", 21, &file, 1);
	ok(!strcmp(answer(fd), "no net0: no such CD-ROM drive\n"), "change of no drive");
	ok(talk(fd, "eject nix\n", "no nix: no such CD-ROM drive\n"), "eject of nothing");
	ok(talk(fd, "change cd blk,fd=0\n", "no cd: fd 0: only 0 descriptors came\n"), "change without a descriptor");
	after = dup(0);
	close(after);
	ok(before == after, "no descriptor stays open, %d %d", before, after);
	vm.ndevices--;
	close(fd);
	close(file);
}

static void
test_balloon(const char *path)
{
	int fd = fd_connect_unix(path);

	ok(talk(fd, "balloon\n", "no no balloon\n") && talk(fd, "balloon 1M\n", "no no balloon\n"), "there is no balloon");
	vm.balloon = &net0;
	memset(balloon.stats.value, 0xff, sizeof(balloon.stats.value));
	ok(talk(fd, "balloon\n", "memory\t1048576\ntarget\t1048576\nactual\t1048576\ndriver\tno\nreturned\t0\nok\n"), "without a driver");
	ok(talk(fd, "balloon 1025K\n", "no 1025K: not a size from 1M to 1M\n") && talk(fd, "balloon -1\n", "no -1: not a size from 1M to 1M\n"),
	    "more than there is, or no number");
	vm.mem.size = 16 << 20;
	ok(talk(fd, "balloon 4\n", "ok\n") && balloon.target == 12 << 20, "what it is to keep, in MiB");
	ok(talk(fd, "balloon 1 2\n", "no usage: balloon SIZE\n"), "too many operands");
	balloon = (struct balloon_state){.driver = true, .target = 12 << 20, .actual = 32 << 20, .returned = 5, .stats = balloon.stats};
	balloon_answers = true;
	say(fd, "balloon\n");
	run();
	ok(is_open(fd), "a question waits for the guest");
	balloon.stats.count = 1;
	balloon.stats.value[4] = 77;
	balloon.stats.value[15] = 9;
	ctl_wake(&vm);
	ok(strstr(answer(fd), "target\t4194304\nactual\t0\ndriver\tyes\nreturned\t5\nsaid-ago\t"), "whatever it says it holds");
	say(fd, "balloon\n");
	for (struct pollfd p = {.fd = vm.loop.epfd, .events = POLLIN}; is_open(fd) && poll(&p, 1, 5000) > 0;)
		loop_once(&vm.loop, 0);
	ok(strstr(answer(fd), "\nfree\t77\nreclaimed-directly\t9\nok\n"), "no answer: what it said last");
	balloon_asked = 0;
	vm.paused = true;
	say(fd, "balloon\n");
	ok(strstr(answer(fd), "\nfree\t77\n") && !balloon_asked, "a guest that stands still is not asked");
	vm.paused = false;
	vm.balloon = NULL;
	vm.mem.size = 1 << 20;
	close(fd);
}

static void
test_plugging(const char *path)
{
	int fd = fd_connect_unix(path);

	ok(talk(fd, "memory 2\n", "no nothing can be plugged in: -m said no max\n"), "there is no virtio-mem");
	vm.memdev = vm.balloon = &net0;
	vm.mem.hot = (struct mem_hot){.size = 8 << 20, .block = 2 << 20};
	ok(talk(fd, "memory 5M\n", "ok\n") && plugged.requested == 4 << 20, "what it is to have in all");
	ok(talk(fd, "memory 2M\n", "no 2M: what is plugged in are whole blocks of 2M\n"), "half a block");
	ok(talk(fd, "memory 10M\n", "no 10M: not a size from 1M to 9M\n") && talk(fd, "memory 1023K\n", "no 1023K: not a size from 1M to 9M\n"),
	    "more than max, less than what is there at the start");
	ok(talk(fd, "memory 9M\n", "ok\n") && plugged.requested == 8 << 20 && talk(fd, "memory 1M\n", "ok\n") && !plugged.requested, "both ends");
	plugged = (struct virtio_mem_state){.requested = 4 << 20, .plugged = 2 << 20};
	say(fd, "memory\n");
	ok(strstr(answer(fd), "\nplugged\t2097152\nrequested\t4194304\npluggable\t8388608\nok\n"), "what is plugged in");
	ok(talk(fd, "balloon 2\n", "ok\n") && balloon.target == 1 << 20, "the balloon takes of that, too");
	vm.memdev = vm.balloon = NULL;
	vm.mem.hot.size = 0;
	close(fd);
}

/* The guest's word on vCPU n: it let go of it, or why not. */
static void
release(unsigned n, uint8_t status)
{
	cpu_registers.access(cpu_registers.dev, CPUHP_STATUS + n, &status, 1, true);
}

static void
test_vcpus(const char *path)
{
	int fd = fd_connect_unix(path);

	ok(talk(fd, "plug vcpu\n", "no vcpu: there is no room for others: -c with maxcpus= makes some\n"), "no room for vCPUs");
	vm.opt.cpus = (struct topology){.cpus = 300, .max = 302};
	if (cpuhp_init(&vm))
		die("cpuhp_init");
	ok(talk(fd, "plug vcpu301\nplug vcpu\nplug vcpu\n",
	       "ok vcpu301\nok vcpu300\nno vcpu: there is no room for it\n"), "two come");
	ok(talk(fd, "plug disk\n", "no disk: not vcpu, or vcpu and a number\n"), "only vCPUs do");
	ok(talk(fd, "unplug vcpu301\nunplug vcpu300\n", ""), "the answer waits for the guest");
	release(301, 0x82);
	ok(!strcmp(answer(fd), "no guest did not release vcpu301\n"), "which refuses one");
	release(300, 0);
	ok(!strcmp(answer(fd), "ok\n") && !vcpus[300].plugged && vcpus[301].plugged, "and lets go of the other");
	close(fd);
	free(vm.cpuhp);
	vm.cpuhp = NULL;
}

static void
test_timeout(const char *path)
{
	int fd = fd_connect_unix(path), null = open("/dev/null", O_RDWR);
	struct pollfd p = {.fd = vm.loop.epfd, .events = POLLIN};
	unsigned ticks = 0;

	fd_send(fd, "wire net,fd=0,id=new\n", 21, &null, 1);
	answer(fd);
	say(fd, "unplug new\n");
	run();
	for (; is_open(fd) && ticks < 30 && poll(&p, 1, 2000) > 0; ticks++)
		loop_once(&vm.loop, 0);
	ok(!strcmp(answer(fd), "no guest did not release new\n"), "a guest that does not let go");
	ok(ticks <= CTL_EJECT_SECONDS + 1, "in time");
	eject();
	ok(vm.ndevices == 1, "it may still do so");
	close(fd);
	close(null);
}

static void
test_fifo(int in, int out)
{
	ok(talk(in, "cont\n", "") && !strcmp(answer(out), "ok\n"), "a fifo in and a pipe out");
	say(in, "con");
	run();
	say(in, "t\nstop\ncont\n");
	ok(!strcmp(answer(out), "ok\nok\nok\n"), "several requests");
}

int
main(void)
{
	char dir[] = "/tmp/ctl-XXXXXX", path[64], why[100];
	int in[2], out[2], pair[2];

	diag_init("ctl", 1);
	diag_verbose = -1;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir) || pipe(in) || pipe(out) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || loop_init(&vm.loop))
		die_sys("set-up");
	snprintf(path, sizeof(path), "%s/ctl", dir);
	listener = fd_listen_unix(path);
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
	test_requests(pair[1]);
	test_lines(pair[1]);
	test_fifo(in[1], out[0]);
	test_clients(path);
	test_slow(path);
	test_hotplug(path);
	test_media(path);
	test_balloon(path);
	test_plugging(path);
	test_vcpus(path);
	test_timeout(path);
	ctl_destroy(&vm);
	ok(fd_connect_unix(path) < 0, "nobody listens any more");
	unlink(path);
	rmdir(dir);
	return tap_done();
}
