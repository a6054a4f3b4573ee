/* SPDX-License-Identifier: ISC */
/* The process that writes a dump; the contracts are in dump.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/util.h"
#include "kvm-run/dump.h"
#include "kvm-run/dump_file.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vm.h"

#define MSR_KERNEL_GS_BASE 0xc0000102

struct dump {
	struct vm *vm;
	struct dump_file file;
	pid_t pid;
	struct watch result; /* a pipe: an errno or 0, or nothing but its end */
	bool ended, held;
	bool told; /* whoever asked for it how it ended */
	char failure[64]; /* "": none */
	/* In one piece, which the process shares with us for the first of them. */
	void *memory;
	size_t memory_size;
};

static void
release(struct dump *d)
{
	if (d->memory)
		munmap(d->memory, d->memory_size);
	free(d->file.cpus);
	d->memory = NULL;
	d->file.cpus = NULL;
}

/* How far it is, the mappings, the bytes to be written: none of it is memory of the process for longer than the dump. */
static const char *
get_memory(struct dump *d)
{
	struct dump_file *f = &d->file;
	size_t mappings = DUMP_MAPPINGS_MAX * sizeof(*f->maps.v);

	f->maps.max = DUMP_MAPPINGS_MAX;
	f->maps.mem = f->mem;
	f->maps.pieces = f->pieces;
	f->maps.npieces = f->npieces;
	d->memory_size = 4096 + mappings + dump_file_buffer(f);
	d->memory = mmap(NULL, d->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d->memory == MAP_FAILED) {
		d->memory = NULL;
		return strerror(errno);
	}
	f->done = d->memory;
	f->maps.v = (struct dump_mapping *)((uint8_t *)d->memory + 4096);
	f->buf = (uint8_t *)d->memory + 4096 + mappings;
	return NULL;
}

static const char *
get_cpus(struct dump *d)
{
	struct dump_file *f = &d->file;

	f->cpus = calloc(d->vm->nvcpus, sizeof(*f->cpus));
	if (!f->cpus)
		return strerror(ENOMEM);
	for (const struct vcpu *v = NULL; (v = vcpu_next(d->vm, v)) && f->ncpus < d->vm->nvcpus; f->ncpus++) {
		struct dump_cpu *c = &f->cpus[f->ncpus];
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} msr = {.head.nmsrs = 1, .entry.index = MSR_KERNEL_GS_BASE};

		c->index = v->index;
		if (ioctl(v->fd, KVM_GET_REGS, &c->regs) < 0 || ioctl(v->fd, KVM_GET_SREGS, &c->sregs) < 0)
			return strerror(errno);
		if (ioctl(v->fd, KVM_GET_MSRS, &msr) == 1)
			c->kernel_gs_base = msr.entry.data;
	}
	return NULL;
}

/* The forked process. It has the seal of the thread that it came from; nobody waits for what it must not hold open. */
static void __attribute__((noreturn))
write_it(struct dump_file *f, int result)
{
	const int keep[] = {f->fd, result, f->mem->fd};
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGBUS, SIG_DFL);
	fd_close_others(keep, f->mem->fd < 0 ? 2 : 3);
	err = dump_file_write(f);
	_exit(write(result, &err, sizeof(err)) != sizeof(err));
}

static void
on_result(struct watch *w, uint32_t events)
{
	struct dump *d = container_of(w, struct dump, result);
	int err, status = 0;
	ssize_t n = read(w->fd, &err, sizeof(err));

	(void)events;
	loop_unwatch(w);
	close(w->fd);
	waitpid(d->pid, &status, 0);
	if (n == sizeof(err) && err)
		snprintf(d->failure, sizeof(d->failure), "%s", strerror(err));
	else if (n != sizeof(err) && !d->failure[0])
		snprintf(d->failure, sizeof(d->failure), "its process was killed by signal %d", WTERMSIG(status));
	release(d);
	d->ended = true;
	if (d->held)
		vm_hold(d->vm, false);
	ctl_wake(d->vm);
}

static const char *
start_process(struct dump *d)
{
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return strerror(errno);
	d->result = (struct watch){.fd = fds[0], .handler = on_result};
	err = -loop_watch(&d->vm->loop, &d->result, EPOLLIN);
	if (!err) {
		d->pid = _Fork();
		if (!d->pid)
			write_it(&d->file, fds[1]);
		err = d->pid < 0 ? errno : 0;
	}
	close(fds[1]);
	if (!err)
		return NULL;
	loop_unwatch(&d->result);
	close(fds[0]);
	return strerror(err);
}

/*
 * A device that is assigned writes to pages that stay its own: a fork would copy them all at once, or, on older kernels, part
 * the guest from the device.
 */
static const char *
check(const struct vm *vm)
{
	for (const struct vm_device *d = vm->devices; d < vm->devices + vm->ndevices; d++)
		if (d->kind == WIRE_PCI && vm->mem.fd < 0)
			return "a guest with assigned devices can be dumped only with -m SIZE,share";
	return NULL;
}

static const char *
start(struct dump *d, int fd)
{
	const char *why = check(d->vm);

	d->file.fd = fd;
	if (!why && !dump_file_plan(&d->file, &d->vm->mem))
		why = "the guest's memory is plugged in in too many pieces";
	if (!why)
		why = get_cpus(d);
	if (!why)
		why = get_memory(d);
	return why ? why : start_process(d);
}

static enum ctl_done
is_done(struct vm *vm, unsigned what)
{
	struct dump *d = vm->dump;

	(void)what;
	d->told = d->ended;
	return !d->ended ? CTL_WAIT : d->failure[0] ? CTL_NO : CTL_OK;
}

static const char *
failure(struct vm *vm)
{
	return vm->dump->failure;
}

enum ctl_done
ctl_dump(struct ctl_request *r, char **word)
{
	struct vm *vm = r->vm;
	const char *why;
	struct dump *d;

	(void)word;
	if (vm->dump && !vm->dump->told)
		return ctl_no(r, "a dump is under way");
	if (r->nfds != 1 || (fcntl(r->fds[0], F_GETFL) & O_ACCMODE) == O_RDONLY)
		return ctl_no(r, "one descriptor to write to has to come with the line");
	dump_end(vm);
	d = vm->dump = calloc(1, sizeof(*d));
	if (!d)
		return ctl_no(r, "%s", strerror(errno));
	d->vm = vm;
	d->held = vm->mem.fd >= 0;
	vm_hold(vm, true);
	why = start(d, r->fds[0]);
	d->ended = d->told = why;
	if (why || !d->held)
		vm_hold(vm, false);
	if (why) {
		release(d);
		return ctl_no(r, "%s", why);
	}
	r->wait = (struct ctl_wait){.done = is_done, .reason = failure, .seconds = UINT_MAX};
	return CTL_WAIT;
}

void
dump_print_status(const struct vm *vm, struct ctl_answer *a)
{
	const struct dump *d = vm->dump;

	if (d && !d->ended)
		ctl_print(a, "dump\t%" PRIu64 "\t%" PRIu64 "\n", *d->file.done, dump_file_ram(&d->file));
}

/* The end of the pipe is what tells of the rest. The vCPUs are the caller's business. */
static void
stop(struct dump *d, const char *why)
{
	d->held = d->vm->held = false;
	snprintf(d->failure, sizeof(d->failure), "%s", why);
	kill(d->pid, SIGKILL);
	on_result(&d->result, 0);
}

void
dump_before_reset(struct vm *vm)
{
	if (vm->dump && !vm->dump->ended && vm->dump->held)
		stop(vm->dump, "the guest was reset meanwhile");
}

void
dump_end(struct vm *vm)
{
	if (vm->dump && !vm->dump->ended)
		stop(vm->dump, "the guest has ended");
	free(vm->dump);
	vm->dump = NULL;
}
