/* SPDX-License-Identifier: ISC */
/* The control protocol's requests about memory; the contracts are in ctl_memory.h. */
#include <inttypes.h>
#include <string.h>

#include "common/num.h"
#include "common/wire.h"
#include "kvm-run/memory.h"
#include "kvm-run/ctl_memory.h"
#include "kvm-run/virtio_mem.h"
#include "kvm-run/vm.h"

static const char *
backing(const struct vm *vm)
{
	if (wires_first(&vm->wires, WIRE_MEM))
		return "wire";
	return vm->mem.fd < 0 ? "private" : "shared";
}

static const char *
on_off(bool on)
{
	return on ? "on" : "off";
}

static void
print_plugged(struct vm *vm, struct ctl_answer *a)
{
	struct virtio_mem_state s;

	if (!vm->memdev)
		return;
	virtio_mem_get(vm->memdev, &s);
	ctl_print(a, "plugged\t%" PRIu64 "\n", s.plugged);
	ctl_print(a, "requested\t%" PRIu64 "\n", s.requested);
	ctl_print(a, "pluggable\t%" PRIu64 "\n", vm->mem.hot.size);
}

enum ctl_done
ctl_memory(struct ctl_request *r, char **word)
{
	static const char *const thp[] = {[THP_ALWAYS] = "always", [THP_HOST] = "host", [THP_NEVER] = "never"};
	const struct memory_options *o = &r->vm->opt.memory;
	const struct guest_mem *m = &r->vm->mem;

	(void)word;
	ctl_print(r->answer, "size\t%" PRIu64 "\n", m->size);
	ctl_print(r->answer, "page\t%" PRIu64 "\n", m->page);
	ctl_print(r->answer, "from\t%s\n", backing(r->vm));
	ctl_print(r->answer, "populated\t%s\n", on_off(r->vm->opt.populate));
	ctl_print(r->answer, "lock\t%s\n", on_off(o->lock));
	ctl_print(r->answer, "merge\t%s\n", on_off(m->merge));
	ctl_print(r->answer, "thp\t%s\n", m->page > 4096 ? "-" : thp[o->thp]);
	for (unsigned i = 0; i < o->nodes; i++) {
		ctl_print(r->answer, "node%u\t%" PRIu64, i, o->nodes > 1 ? o->node_size[i] : m->size);
		ctl_print(r->answer, o->hosts ? "\t%u\n" : "\t-\n", o->host[i]);
	}
	print_plugged(r->vm, r->answer);
	return CTL_OK;
}

enum ctl_done
ctl_memory_set(struct ctl_request *r, char **word)
{
	const struct guest_mem *m = &r->vm->mem;
	uint64_t max = m->size + m->hot.size, size;

	if (!r->vm->memdev)
		return ctl_no(r, "nothing can be plugged in: -m said no max");
	if (!size_parse(word[1], 1 << 20, m->size, max, &size))
		return ctl_no(r, "%s: not a size from %" PRIu64 "M to %" PRIu64 "M", word[1], m->size >> 20, max >> 20);
	if ((size - m->size) % m->hot.block)
		return ctl_no(r, "%s: what is plugged in are whole blocks of %" PRIu64 "M", word[1], m->hot.block >> 20);
	virtio_mem_set(r->vm->memdev, size - m->size);
	return CTL_OK;
}

enum ctl_done
ctl_merge(struct ctl_request *r, char **word)
{
	bool on = !strcmp(word[1], "on");
	const char *fault;

	if (!on && strcmp(word[1], "off"))
		return ctl_no(r, "%s: neither on nor off", word[1]);
	fault = memory_merge(r->vm, on);
	return fault ? ctl_no(r, "%s", fault) : CTL_OK;
}
