/* SPDX-License-Identifier: ISC */
/* The control requests of vCPUs; the contracts are in ctl_vcpu.h. */
#include <stdio.h>

#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl_vcpu.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vm.h"

enum ctl_done
ctl_vcpus(struct ctl_request *r, char **word)
{
	(void)word;
	for (const struct vcpu *v = NULL; (v = vcpu_next(r->vm, v));)
		ctl_print(r->answer, "%u\t%d\n", v->index, (int)v->tid);
	return CTL_OK;
}

enum ctl_done
ctl_plug(struct ctl_request *r, char **word)
{
	const char *fault = "not vcpu, or vcpu and a number";
	char why[160];
	unsigned n = 0;

	if (cpuhp_named(r->vm, word[1], &n))
		fault = cpuhp_plug(r->vm, n, why, sizeof(why));
	if (fault)
		return ctl_no(r, "%s: %s", word[1], fault);
	snprintf(r->text, sizeof(r->text), "vcpu%u", n); /* `ok ID` */
	return CTL_OK;
}

static enum ctl_done
is_released(struct vm *vm, unsigned n)
{
	static const enum ctl_done done[] = {[CPUHP_ABSENT] = CTL_OK, [CPUHP_THERE] = CTL_WAIT, [CPUHP_REFUSED] = CTL_NO};

	return done[cpuhp_state(vm, n)];
}

enum ctl_done
ctl_unplug_vcpu(struct ctl_request *r, char **word)
{
	const char *fault;

	r->wait = (struct ctl_wait){.done = is_released, .seconds = CTL_EJECT_SECONDS};
	cpuhp_named(r->vm, word[1], &r->wait.what);
	fault = cpuhp_ask(r->vm, r->wait.what);
	if (fault)
		return ctl_no(r, "%s: %s", word[1], fault);
	snprintf(r->text, sizeof(r->text), "guest did not release %s", word[1]); /* unless it does */
	return CTL_WAIT;
}
