/* SPDX-License-Identifier: ISC */
/* vm-nat: addresses of this host's for guests that have none that the world knows, and ports that lead to them. */
#include "common/diag.h"
#include "common/seal.h"
#include "common/wire.h"
#include "vm-nat/apply.h"
#include "vm-nat/options.h"
#include "vm-nat/show.h"

int
main(int argc, char **argv)
{
	static struct options o;

	diag_init(argv[0], 1);
	options_parse(&o, argc, argv);
	switch (o.verb) {
	case VERB_ADD:
		apply_add(&o);
		return 0;
	case VERB_DEL:
		apply_del(&o);
		return 0;
	case VERB_LIST:
		show_list(&o);
		return 0;
	case VERB_SHOW:
		show_network(&o);
		return 0;
	case VERB_LOAD:
		apply_hold(&o);
		if (o.check)
			return 0;
		if (o.user)
			seal_user(o.user);
		wire_exec(o.program);
	}
}
