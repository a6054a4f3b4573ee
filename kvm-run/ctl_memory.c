/* SPDX-License-Identifier: ISC */
/* The control protocol's requests about memory; the contracts are in ctl_memory.h. */
#include <inttypes.h>
#include <string.h>

#include "common/wire.h"
#include "kvm-run/memory.h"
#include "kvm-run/ctl_memory.h"
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
