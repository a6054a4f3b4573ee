/* SPDX-License-Identifier: ISC */
/* links: kvm-run/wiring.c kvm-run/wiring_chain.c kvm-run/wiring_keys.c kvm-run/wiring_place.c kvm-run/fdform.c */
/* What kvm-run asks of its wires, with descriptors of every sort. Taps need a namespace: those are in wire.bats. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/wiring.h"
#include "kvm-run/wiring_chain.h"
#include "tests/unit/tap.h"

static struct wires ws;
static char fault[200];

/* The last wire of the words, in which $1, $2... stand for fds. NULL, or its first fault, in which they stand again. */
static const char *
check(const char *words, const int *fds, size_t n)
{
	static char back[300];
	char text[WIRES_TEXT_MAX], *to = text;
	const struct wire *w;

	for (const char *p = words; *p; p++)
		if (*p == '$')
			to += sprintf(to, "%d", fds[*++p - '1']);
		else
			*to++ = *p;
	memset(&ws, 0, sizeof(ws));
	wires_add(&ws, text, (size_t)(to - text));
	w = &ws.v[ws.n - 1];
	if (wiring_check_one(&ws, w, fault, sizeof(fault)))
		return NULL;
	snprintf(back, sizeof(back), "%s", fault);
	for (size_t i = 0; i < n; i++) {
		char number[16], *at;
		size_t len = (size_t)sprintf(number, "fd %d", fds[i]);

		at = strstr(back, number);
		if (at && len >= 4) {
			memmove(at + 5, at + len, strlen(at + len) + 1);
			memcpy(at, "fd $", 4);
			at[4] = (char)('1' + i);
		}
	}
	return back;
}

static int
high(int fd)
{
	int to = fcntl(fd, F_DUPFD, 20);

	close(fd);
	return to;
}

static int
temporary(int flags, off_t size)
{
	char name[] = "/tmp/wiring-XXXXXX", path[40];
	int fd = mkstemp(name), again;

	if (ftruncate(fd, size) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags);
	unlink(name);
	close(fd);
	return high(again);
}

static int
bound_dgram(const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, address, &in.sin_addr);
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		return -1;
	return high(fd);
}

static int
listening(int type)
{
	int fd = socket(AF_UNIX, type, 0);
	struct sockaddr_un_like {
		sa_family_t family;
	} autobind = {AF_UNIX};

	if (bind(fd, (struct sockaddr *)&autobind, sizeof(autobind)) < 0 || listen(fd, 1) < 0)
		return -1;
	return high(fd);
}

static void
test_net(void)
{
	int stream[2], seq[2], dgram[2], fds[3];

	socketpair(AF_UNIX, SOCK_STREAM, 0, stream);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, seq);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, dgram);
	fds[0] = high(stream[0]), fds[1] = high(seq[0]), fds[2] = high(dgram[0]);
	is(check("net,fd=$1", fds, 3), NULL, "a stream socket");
	ok(wiring_as(&ws, ws.v) == AS_STREAM, "is a stream");
	is(check("net,fd=$2", fds, 3), NULL, "a seqpacket socket");
	ok(wiring_as(&ws, ws.v) == AS_PACKET, "is packets");
	is(check("net,fd=$3,as=packet", fds, 3), NULL, "a dgram socket, and said so");
	is(check("net,fd=$1,as=packet", fds, 3), "fd $1: a stream socket, not a tap or a stream, seqpacket or dgram socket",
	    "as= against what it is");
	is(check("net,fd=$1,as=tap", fds, 3), "fd $1: a stream socket, not a tap or a stream, seqpacket or dgram socket",
	    "a stream is no tap");
	is(check("net,fd=$1,as=raw", fds, 3), "as=raw: no form of net", "as= of another kind");
	is(check("net,fd=$2:$3", fds, 3), "fd: 2 numbers where one is meant", "only a tap has queues");
	is(check("net,fd=$1,mac=52:54:00:12:34:56,mtu=1500,model=virtio", fds, 3), NULL, "every key");
	is(check("net,fd=$1,mac=53:54:00:12:34:56", fds, 3),
	    "mac=53:54:00:12:34:56: not a unicast address such as 52:54:00:12:34:56", "a multicast mac");
	is(check("net,fd=$1,mtu=67", fds, 3), "mtu=67: not a number from 68 to 65535", "mtu");
	is(check("net,fd=$1,model=e1000", fds, 3), NULL, "another model");
	is(check("net,fd=$1,model=ne2k", fds, 3), "model=ne2k: not virtio|e1000", "a model never to come");
	close(stream[1]), close(seq[1]), close(dgram[1]);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void
test_unconnected(void)
{
	int fds[6] = {high(socket(AF_UNIX, SOCK_STREAM, 0)), bound_dgram("127.0.0.1"), bound_dgram("230.0.0.1"),
	    listening(SOCK_STREAM), listening(SOCK_SEQPACKET), high(socket(AF_NETLINK, SOCK_DGRAM, 0))};
	static const char wanted[] = "a tap or a stream, seqpacket or dgram socket";
	char text[120];

	is(check("net,fd=$1", fds, 6), "fd $1: not connected", "a stream to nobody");
	is(check("net,fd=$2", fds, 6), "fd $2: not connected", "a dgram to nobody");
	is(check("net,fd=$3", fds, 6), NULL, "bound to a multicast group");
	snprintf(text, sizeof(text), "fd $4: a listening socket, not %s", wanted);
	is(check("net,fd=$4", fds, 6), text, "a listening socket is no net");
	is(check("ctl,fd=$4", fds, 6), NULL, "but a ctl");
	ok(wiring_as(&ws, ws.v) == AS_LISTEN, "that listens");
	is(check("ctl,fd=$5", fds, 6), "fd $5: something else, not a stream socket, terminal or fifo", "seqpacket does not");
	snprintf(text, sizeof(text), "fd $6: something else, not %s", wanted);
	is(check("net,fd=$6", fds, 6), text, "netlink is no net");
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

static void
test_chains(void)
{
	static const char data_wrong[] = "places in the list of fd, rising, each right behind its image's (the first is 0)";
	int fds[4] = {temporary(O_RDWR, 4096), temporary(O_RDONLY, 4096), temporary(O_RDONLY, 4096), temporary(O_RDWR, 4096)};
	struct wiring_chain c;
	struct why reason;
	char text[128];

	is(check("blk,fd=$1:$2:$3,as=qcow2,fmt=qcow2:qcow2:raw", fds, 4), NULL, "a chain of three images");
	is(check("blk,fd=$1:$4:$2:$3,as=qcow2,fmt=qcow2:raw,data=1:3", fds, 4),
	    "data=1:3: names a data file of a raw image", "a raw image has no data file");
	is(check("blk,fd=$1:$4:$2,as=qcow2,fmt=qcow2:raw,data=1", fds, 4), NULL, "a data file behind the top");
	ok(!wiring_chain(&ws.v[0], &c, &reason) && c.nlayers == 2 && c.place[0] == 0 && c.data[0] == 1 && c.place[1] == 2 &&
		!c.data[1] && !strcmp(c.format[0], "qcow2") && !strcmp(c.format[1], "raw"),
	    "what is what");
	is(check("blk,fd=$1:$2,as=qcow2,fmt=qcow2", fds, 4), "fmt=qcow2: not the formats of 2 images", "a format too few");
	is(check("blk,fd=$1,as=qcow2,fmt=qcow2:raw", fds, 4), "fmt=qcow2:raw: not the formats of 1 images", "a format too many");
	is(check("blk,fd=$1:$2,as=qcow2,fmt=raw:qcow2", fds, 4), "fmt: a raw image lies on no other", "raw on top");
	is(check("blk,fd=$1,as=qcow2,fmt=raw", fds, 4), "fmt: raw alone is no image: leave as=qcow2 out", "raw alone");
	is(check("blk,fd=$1:$2,as=qcow2,fmt=qcow2:vmdk", fds, 4),
	    "fmt: vmdk: not offered by kvm-run (vm-img convert makes a qcow2 image of it, vm-img serve an NBD export)", "vmdk");
	for (const char *const *list = (const char *const[]){"0", "2", "1:1", "1:2", "x", "1x", NULL}; *list; list++) {
		snprintf(text, sizeof(text), "blk,fd=$1:$2,as=qcow2,data=%s", *list);
		snprintf(reason.text, sizeof(reason.text), "data=%s: %s", *list, data_wrong);
		is(check(text, fds, 4), reason.text, "no place of a data file");
	}
	snprintf(reason.text, sizeof(reason.text), "data=1:2: %s", data_wrong);
	is(check("blk,fd=$1:$2:$3,as=qcow2,data=1:2", fds, 4), reason.text, "two data files of one image");
	snprintf(reason.text, sizeof(reason.text), "data=2:1: %s", data_wrong);
	is(check("blk,fd=$1:$2:$3,as=qcow2,data=2:1", fds, 4), reason.text, "falling places");
	is(check("blk,fd=$1,as=qcow2,key=k", fds, 4), "key=k: no such key wire", "a key that is not there");
	is(check("key,fd=$2,id=k blk,fd=$1,as=qcow2,key=k", fds, 4), NULL, "a key that is");
	is(check("net,fd=$2,id=k blk,fd=$1,as=qcow2,key=k", fds, 4), "key=k: no such key wire", "another wire as a key");
	is(check("key,fd=$2,id=k blk,fd=$1,as=qcow2,key=k blk,fd=$4,as=qcow2,key=k", fds, 4), "key=k: is that of blk0",
	    "a key of two disks");
	fds[1] = dup(fds[0]);
	is(check("blk,fd=$1:$2,as=qcow2", fds, 4), "fd $2: the same file as fd $1", "an image on itself");
}

static void
test_blk(void)
{
	int fds[6] = {temporary(O_RDWR, 4096), temporary(O_RDONLY, 4096), temporary(O_WRONLY, 4096),
	    temporary(O_RDWR | O_APPEND, 4096), temporary(O_PATH, 4096), high(open("/", O_RDONLY))};

	is(check("blk,fd=$1", fds, 6), NULL, "a file");
	ok(wiring_as(&ws, ws.v) == AS_RAW, "is raw");
	is(check("blk,fd=$2", fds, 6), NULL, "a read-only file");
	is(check("blk,fd=$3", fds, 6), "fd $3: write-only", "a write-only file");
	is(check("blk,fd=$4", fds, 6), "fd $4: opened for appending", "an append-only file would put blocks elsewhere");
	is(check("blk,fd=$5", fds, 6), "fd $5: opened with O_PATH", "a file not really opened");
	is(check("blk,fd=$6", fds, 6), "fd $6: something else, not a regular file or block device", "a directory");
	is(check("blk,fd=$1:$2", fds, 6), "fd: 2 numbers where one is meant", "a raw image is one file");
	is(check("blk,fd=$1,as=qcow2", fds, 6), NULL, "an image");
	is(check("blk,fd=$1,as=nbd", fds, 6), "fd $1: a regular file, not a stream socket", "a file as NBD");
	is(check("blk,fd=$1,export=a%2fb", fds, 6), NULL, "a name of an export");
	is(check("blk,fd=$1,export=a%2", fds, 6), "export=a%2: not a name, with %XX for what a wire cannot hold", "half a character");
	is(check("blk,fd=$1,bus=ahci", fds, 6), NULL, "ahci");
	is(check("blk,fd=$1,media=cdrom", fds, 6), NULL, "cdrom");
	is(check("blk,fd=$1,media=cdrom,bus=virtio", fds, 6), "media=cdrom: not on bus=virtio", "which virtio has not");
	is(check("blk,fd=$1,fmt=qcow2", fds, 6), "fmt: only with as=qcow2", "a raw disk has no formats");
	is(check("blk,fd=$1,bus=virtio,media=disk,serial=12345678901234567890", fds, 6), NULL, "what there is");
	is(check("blk,fd=$1,serial=123456789012345678901", fds, 6), "serial=123456789012345678901: not at most 20 characters",
	    "a serial number too long");
	is(check("blk,fd=$1,cache=write", fds, 6), "cache=write: not writeback|writethrough|none|directsync|unsafe", "part of a word");
	is(check("blk,fd=$1,cache=unsafe", fds, 6), NULL, "the last of the words");
	test_chains();
	is(check("mem,fd=$1", fds, 6), NULL, "memory");
	is(check("mem,fd=$2", fds, 6), "fd $2: read-only", "memory that cannot be written");
	is(check("mem,fd=$1 mem,fd=$2", fds, 6), "fd $2: read-only", "the first fault of several");
	is(check("kern,fd=$2 kern,fd=$1", fds, 6), "a machine has one kern wire", "two kernels");
	is(check("kern,fd=$2 init,fd=$1", fds, 6), NULL, "a kernel and an initrd");
	is(check("kern,fd=$3", fds, 6), "fd $3: write-only", "a kernel that cannot be read");
	is(check("fw,fd=$2", fds, 6), NULL, "firmware");
	is(check("fw,fd=$3", fds, 6), "fd $3: write-only", "firmware that cannot be read");
	is(check("fw,fd=$2 fw,fd=$1", fds, 6), "fw: that is fw0 already", "two firmwares");
	is(check("fw,fd=$2,as=splash fw,fd=$1", fds, 6), NULL, "a picture beside the firmware");
	is(check("fw,fd=$2,as=rom", fds, 6), "of: missing, the device whose ROM this is", "a ROM of nothing");
	is(check("fw,fd=$2,of=fw0", fds, 6), "of=fw0: not a net, blk, fb or pci wire", "a ROM's ROM");
	is(check("blk,fd=$2 fw,fd=$1,of=blk0", fds, 6), NULL, "a ROM");
	is(check("blk,fd=$2 fw,fd=$1,of=blk0,as=splash", fds, 6), "of=blk0: only an option ROM is a device's", "a disk's picture");
	is(check("con,fd=$1,as=debug", fds, 6), NULL, "a debug port");
	is(check("con,fd=$2,as=debug", fds, 6), "fd $2: read-only", "a debug port is written");
	is(check("con,fd=$3,as=debug con,fd=$1 con,fd=$2:$4,as=serial", fds, 6), "as=serial: that is con1 already",
	    "a debug port is no console");
	is(check("pcap,fd=$2", fds, 6), "fd $2: read-only", "a pcap wire is written");
	is(check("key,fd=$3", fds, 6), "fd $3: write-only", "a key is read");
	is(check("hold,fd=$5:$6", fds, 6), NULL, "hold takes anything");
	is(check("fb,fd=$1", fds, 6), "fd $1: a regular file, not a seqpacket socket", "fb of a file");
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

static void
test_mem(void)
{
	int fds[2] = {high(memfd_create("m", 0)), temporary(O_RDWR, 4095)};

	is(check("mem,fd=$1", fds, 2), "fd $1: its size, 0, is not a number of pages", "empty memory");
	is(check("mem,fd=$2", fds, 2), "fd $2: its size, 4095, is not a number of pages", "half a page");
	ok(ftruncate(fds[0], 1 << 20) == 0 && !check("mem,fd=$1", fds, 2), "a memfd");
	close(fds[0]), close(fds[1]);
}

static void
test_con(void)
{
	int p[2], fds[4];

	if (pipe(p) < 0)
		return;
	fds[0] = high(p[0]), fds[1] = high(p[1]), fds[2] = high(open("/dev/null", O_RDWR)), fds[3] = high(epoll_create1(0));
	is(check("con,fd=$1:$2", fds, 4), NULL, "a pipe in, a pipe out");
	ok(wiring_as(&ws, ws.v) == AS_SERIAL, "is the serial port");
	is(check("con,fd=$2:$1", fds, 4), "fd $2: write-only (in and out may be two: fd=IN:OUT)", "the wrong way round");
	is(check("con,fd=$1", fds, 4), "fd $1: read-only (in and out may be two: fd=IN:OUT)", "half a console");
	is(check("con,fd=$3", fds, 4), NULL, "both ways");
	is(check("con,fd=$3:$3", fds, 4), NULL, "or one descriptor twice");
	is(check("con,fd=$1:$2:$3", fds, 4), "fd: 3 numbers where in:out is meant", "three");
	is(check("con,fd=$4", fds, 4), "fd $4: something else, not a terminal, socket, pipe or file", "an epoll");
	is(check("con,fd=$1:$2 con,fd=$3", fds, 4), NULL, "a second console");
	ok(wiring_as(&ws, &ws.v[1]) == AS_VIRTIO, "is a virtio-console");
	is(check("con,fd=$1:$2 con,fd=$3,as=serial", fds, 4), "as=serial: that is con0 already", "there is one serial port");
	is(check("con,fd=$1:$2,as=virtio con,fd=$3,as=serial", fds, 4), NULL, "which the second may be");
	is(check("ctl,fd=$1:$2", fds, 4), NULL, "a ctl of two pipes");
	is(check("ctl,fd=$3", fds, 4), "fd $3: a character device, not a stream socket, terminal or fifo", "a ctl of /dev/null");
	is(check("pcap,fd=$2", fds, 4), NULL, "a pcap of every net");
	is(check("blk,fd=$3,id=d pcap,fd=$2,of=d", fds, 4), "of=d: not a net wire", "a pcap of a disk");
	is(check("pcap,fd=$2,of=net0", fds, 4), "of=net0: no such wire", "a pcap of nothing");
	is(check("vhost,fd=$3", fds, 4), "fd $3: a character device, not an opened /dev/vhost-net", "a vhost of /dev/null");
	is(check("hold,fd=$3 hold,fd=$3", fds, 4), "fd $3: already hold0", "a descriptor in two wires");
	is(check("hold,fd=$3,id=x blk,fd=$1,id=x", fds, 4), "id: given twice", "an id twice");
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	is(check("hold,fd=$1", fds, 4), "fd $1: Bad file descriptor", "a closed one");
}

int
main(int argc, char **argv)
{
	(void)argc;
	diag_init(argv[0], 1);
	unsetenv("SUDO_USER");
	unsetenv("DOAS_USER");
	test_net();
	test_unconnected();
	test_blk();
	test_mem();
	test_con();
	return tap_done();
}
