/* SPDX-License-Identifier: ISC */
/* The requests of the control protocol, one function each. */
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl.h"
#include "kvm-run/ctl_balloon.h"
#include "kvm-run/ctl_memory.h"
#include "kvm-run/ctl_vcpu.h"
#include "kvm-run/dump.h"
#include "kvm-run/hotplug.h"
#include "kvm-run/stats.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_net.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

#define WORDS_MAX 3

enum ctl_done
ctl_no(struct ctl_request *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	return CTL_NO;
}

static enum ctl_done
do_status(struct ctl_request *r, char **word)
{
	const struct vm *vm = r->vm;

	(void)word;
	ctl_print(r->answer, "name\t%s\n", vm->opt.name ? vm->opt.name : "");
	ctl_print(r->answer, "state\t%s\n", vm->paused || vm->held ? "stopped" : "running");
	ctl_print(r->answer, "pid\t%d\n", (int)getpid());
	ctl_print(r->answer, "vcpus\t%u\n", vm->nvcpus);
	ctl_print(r->answer, "memory\t%llu\n", (unsigned long long)vm->mem.size);
	ctl_print(r->answer, "vcpus-max\t%u\n", vm->opt.cpus.max);
	dump_print_status(vm, r->answer);
	return CTL_OK;
}

static enum ctl_done
do_stop(struct ctl_request *r, char **word)
{
	(void)word;
	vm_pause(r->vm);
	return CTL_OK;
}

static enum ctl_done
do_cont(struct ctl_request *r, char **word)
{
	(void)word;
	vm_resume(r->vm);
	return CTL_OK;
}

static enum ctl_done
do_powerdown(struct ctl_request *r, char **word)
{
	(void)word;
	vm_power_button(r->vm);
	return CTL_OK;
}

static enum ctl_done
do_reset(struct ctl_request *r, char **word)
{
	(void)word;
	vm_reset(r->vm);
	return CTL_OK;
}

static enum ctl_done
do_quit(struct ctl_request *r, char **word)
{
	(void)word;
	vm_end(r->vm, VM_QUIT);
	return CTL_OK;
}

static enum ctl_done
do_devices(struct ctl_request *r, char **word)
{
	static const char *const kinds[] = {
	    [VIRTIO_ID_NET] = "net",
	    [VIRTIO_ID_BLOCK] = "blk",
	    [VIRTIO_ID_CONSOLE] = "con",
	    [VIRTIO_ID_RNG] = "rng",
	    [VIRTIO_ID_BALLOON] = "balloon",
	    [VIRTIO_ID_MEM] = "mem",
	    [VIRTIO_ID_INPUT] = "input",
	    [VIRTIO_ID_GPU] = "fb",
	};
	const struct vm *vm = r->vm;

	(void)word;
	for (const struct wire *w = vm->wires.v; w < vm->wires.v + vm->wires.n; w++)
		if (w->nfds && wiring_as(&vm->wires, w) == AS_SERIAL)
			ctl_print(r->answer, "%s\tcon\tCOM1\t-\n", w->id);
	for (const struct vm_device *d = vm->devices; d < vm->devices + vm->ndevices; d++)
		ctl_print(r->answer, "%s\t%s\t00:%02x.0\t%s\n", d->id,
		    d->virtio ? kinds[d->virtio->ops->device_id] : wire_kind_name(d->kind), (unsigned)vm_device_pci(d)->slot,
		    d->hot ? "hot" : "-");
	return CTL_OK;
}

/* The extensions whose answers tell hosts apart. */
static enum ctl_done
do_kvm(struct ctl_request *r, char **word)
{
	static const struct {
		const char *name;
		int cap;
	} caps[] = {
	    {"vcpus-recommended", KVM_CAP_NR_VCPUS},
	    {"vcpus-max", KVM_CAP_MAX_VCPUS},
	    {"memory-slots", KVM_CAP_NR_MEMSLOTS},
	    {"tsc-deadline-timer", KVM_CAP_TSC_DEADLINE_TIMER},
	    {"tsc-control", KVM_CAP_TSC_CONTROL},
	    {"x2apic-api", KVM_CAP_X2APIC_API},
	    {"nested-state", KVM_CAP_NESTED_STATE},
	    {"dirty-ring", KVM_CAP_DIRTY_LOG_RING},
	};

	(void)word;
	ctl_print(r->answer, "api\t%d\n", ioctl(r->vm->kvm_fd, KVM_GET_API_VERSION, 0));
	for (size_t i = 0; i < ARRAY_LEN(caps); i++)
		ctl_print(r->answer, "%s\t%d\n", caps[i].name, ioctl(r->vm->fd, KVM_CHECK_EXTENSION, caps[i].cap));
	return CTL_OK;
}

static enum ctl_done
do_net(struct ctl_request *r, char **word)
{
	const struct vm *vm = r->vm;
	struct net_stats s;

	(void)word;
	for (const struct vm_device *d = vm->devices; d < vm->devices + vm->ndevices; d++) {
		const uint8_t *mac = d->net ? net_mac(d->net) : NULL;

		if (!mac)
			continue;
		net_get_stats(d->net, &s);
		ctl_print(r->answer, "%s\t%02x:%02x:%02x:%02x:%02x:%02x\t%s", d->id, mac[0], mac[1], mac[2], mac[3], mac[4],
		    mac[5], net_link(d->net) ? "up" : "down");
		ctl_print(r->answer, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, s.rx_frames, s.rx_bytes, s.rx_drops);
		ctl_print(r->answer, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", s.tx_frames, s.tx_bytes, s.tx_drops);
	}
	return CTL_OK;
}

static enum ctl_done
do_link(struct ctl_request *r, char **word)
{
	const struct vm_device *d = vm_find_device(r->vm, word[1]);
	bool up = !strcmp(word[2], "up");

	if (!up && strcmp(word[2], "down"))
		return ctl_no(r, "%s: neither up nor down", word[2]);
	if (!d || !d->net)
		return ctl_no(r, "%s: no such network device", word[1]);
	net_set_link(d->net, up);
	return CTL_OK;
}

static enum ctl_done
do_wire(struct ctl_request *r, char **word)
{
	const char *fault;
	char id[32], why[160];

	r->fds_taken = true;
	fault = hotplug_add(r->vm, word[1], strlen(word[1]), r->fds, r->nfds, id, why, sizeof(why));
	if (fault)
		return ctl_no(r, "%s", fault);
	snprintf(r->text, sizeof(r->text), "%s", id); /* `ok ID` */
	return CTL_OK;
}

static enum ctl_done
do_change(struct ctl_request *r, char **word)
{
	const char *fault;
	char why[160];

	r->fds_taken = true;
	fault = hotplug_change(r->vm, word[1], word[2], r->fds, r->nfds, why, sizeof(why));
	return fault ? ctl_no(r, "%s: %s", word[1], fault) : CTL_OK;
}

static enum ctl_done
do_eject(struct ctl_request *r, char **word)
{
	const char *fault;
	char why[160];

	fault = hotplug_change(r->vm, word[1], NULL, NULL, 0, why, sizeof(why));
	return fault ? ctl_no(r, "%s: %s", word[1], fault) : CTL_OK;
}

static enum ctl_done
is_unplugged(struct vm *vm, unsigned slot)
{
	return hotplug_occupied(vm, slot) ? CTL_WAIT : CTL_OK;
}

static enum ctl_done
do_unplug(struct ctl_request *r, char **word)
{
	const char *fault;
	unsigned vcpu;

	if (!vm_find_device(r->vm, word[1]) && cpuhp_named(r->vm, word[1], &vcpu))
		return ctl_unplug_vcpu(r, word);
	fault = hotplug_ask(r->vm, word[1], &r->wait.what);
	r->wait.done = is_unplugged;
	r->wait.seconds = CTL_EJECT_SECONDS;
	if (fault)
		return ctl_no(r, "%s: %s", word[1], fault);
	snprintf(r->text, sizeof(r->text), "guest did not release %s", word[1]); /* unless it does */
	return CTL_WAIT;
}

static enum ctl_done do_help(struct ctl_request *r, char **word);

static const struct request {
	const char *name;
	unsigned operands;
	enum ctl_done (*fn)(struct ctl_request *r, char **word);
	const char *operand_names, *what;
} requests[] = {
    {"help", 0, do_help, "", "this list"},
    {"status", 0, do_status, "", "name, state, pid, vcpus, memory, vcpus-max"},
    {"stop", 0, do_stop, "", "pause all vCPUs"},
    {"cont", 0, do_cont, "", "let them run again"},
    {"powerdown", 0, do_powerdown, "", "press the power button"},
    {"reset", 0, do_reset, "", "press the reset button"},
    {"quit", 0, do_quit, "", "end the guest at once"},
    {"vcpus", 0, ctl_vcpus, "", "index, thread id"},
    {"devices", 0, do_devices, "", "id, kind, PCI address or COM1, hot or -"},
    {"net", 0, do_net, "", "id, MAC, up or down; frames, bytes, drops received; the same sent"},
    {"dump", 0, ctl_dump, "", "write memory and registers, an ELF core; the descriptor comes with the line"},
    {"stats", 0, ctl_stats, "", "what vCPUs and devices did since the start: id, name, number"},
    {"kvm", 0, do_kvm, "", "what the host's KVM offers"},
    {"balloon", 0, ctl_balloon_show, "", "what the guest has of its memory, and what it says of it"},
    {"balloon", 1, ctl_balloon_set, " SIZE", "how much of its memory the guest is to have"},
    {"link", 2, do_link, " ID up|down", "plug or pull a network cable"},
    {"wire", 1, do_wire, " WIRE", "add a device; its descriptors come with the line"},
    {"change", 2, do_change, " ID WIRE", "put a medium into a CD-ROM drive; its descriptors come with the line"},
    {"eject", 1, do_eject, " ID", "take the medium out of a CD-ROM drive"},
    {"plug", 1, ctl_plug, " vcpu[N]", "add a vCPU, the first that is not there or that one"},
    {"unplug", 1, do_unplug, " ID|vcpuN", "have the guest release a device that was added, or a vCPU"},
    {"memory", 0, ctl_memory, "", "size, page size, where from; populated, lock, merge, thp; each node's size and node of the host"},
    {"memory", 1, ctl_memory_set, " SIZE", "how much memory the guest is to have, from its size at the start to max"},
    {"merge", 1, ctl_merge, " on|off", "have the host's KSM merge memory that is the same"},
};

static enum ctl_done
do_help(struct ctl_request *r, char **word)
{
	(void)word;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		ctl_print(r->answer, "%s%s\t%s\n", requests[i].name, requests[i].operand_names, requests[i].what);
	return CTL_OK;
}

/* Cuts the line at its blanks; how many words there are, WORDS_MAX + 1 for more than fit. */
static unsigned
split(char *line, char *word[WORDS_MAX])
{
	static const char blanks[] = " \t\r";
	char *rest, *w = strtok_r(line, blanks, &rest);
	unsigned n;

	for (n = 0; w && n < WORDS_MAX; n++) {
		word[n] = w;
		w = strtok_r(NULL, blanks, &rest);
	}
	return w ? WORDS_MAX + 1 : n;
}

enum ctl_done
ctl_request(struct ctl_request *r, char *line)
{
	const struct request *named = NULL;
	char *word[WORDS_MAX];
	unsigned n = split(line, word);

	if (!n)
		return CTL_OK;
	for (const struct request *q = requests; q < requests + ARRAY_LEN(requests); q++) {
		if (strcmp(word[0], q->name))
			continue;
		if (n == q->operands + 1)
			return q->fn(r, word);
		named = q; /* of several the last one has the most operands */
	}
	return named ? ctl_no(r, "usage: %s%s", named->name, named->operand_names) : ctl_no(r, "unknown request; try help");
}
