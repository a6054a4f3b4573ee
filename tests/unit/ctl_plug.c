/* links: kvm-run/cpuhp.c kvm-run/ctl.c kvm-run/ctl_client.c kvm-run/ctl_request.c kvm-run/ctl_vcpu.c kvm-run/ctl_balloon.c kvm-run/ctl_memory.c kvm-run/hotplug.c kvm-run/con_out.c */
/* SPDX-License-Identifier: ISC */
/* The control protocol's requests that wait for the guest: devices, media, memory and vCPUs that come and go. */
#include "tests/unit/ctl_rig.h"

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
	int before, after;

	talk(fd, "cont\n", "ok\n"); /* the connection is accepted */
	before = dup(0);
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
	size_t wires = vm.wires.n;

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
	ok(talk(fd, "eject cd\n", "ok\n") && !wires_find(&vm.wires, "cd") && vm.wires.n == wires, "eject");
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

int
main(void)
{
	rig_make();
	test_hotplug(rig.path);
	test_media(rig.path);
	test_balloon(rig.path);
	test_plugging(rig.path);
	test_vcpus(rig.path);
	test_timeout(rig.path);
	rig_unmake();
	return tap_done();
}
