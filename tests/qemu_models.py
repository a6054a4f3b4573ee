#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""qemu_models.py: hold kvm-run's table of processors against QEMU's, model by model; print where they differ, then a count.

What QEMU adds to all or takes from all of them under its own emulation is no property of a model and left out, as is what
-M baseline does not print and what kvm-run has no name for (the capabilities of nested VMX)."""
import json
import re
import subprocess

OF_ALL = {'vme', 'monitor', 'svm', 'acpi', 'x2apic', 'hypervisor', 'kvm'}
NOT_PRINTED = {'perfctr-core', 'perfctr-nb', 'core-capability', 'split-lock-detect', 'ht', 'invtsc'}
OTHER_NAMES = {'pni', 'xd', 'i64', 'ffxsr', 'pclmuldq', 'sse4-1', 'sse4-2'}
NO_FEATURE = re.compile('kvm|x-|vmx-|hv-|check$|enforce$|cpuid-0xb|full-|fill-|l3-cache|legacy-cache|tcg-|vmware|migrat|host-|pmu$')


class Qemu:
    def __init__(self):
        self.process = subprocess.Popen(
            ['qemu-system-x86_64', '-M', 'none', '-accel', 'tcg', '-display', 'none', '-nodefaults', '-qmp', 'stdio'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.ask('qmp_capabilities')

    def ask(self, command, **arguments):
        print(json.dumps({'execute': command, 'arguments': arguments}), file=self.process.stdin, flush=True)
        while True:
            answer = json.loads(self.process.stdout.readline())
            if 'event' not in answer:
                return answer['return']

    def model(self, name):
        props = self.ask('query-cpu-model-expansion', type='full', model={'name': name, 'props': {'svm': False}})['model']['props']
        features = {k for k, v in props.items() if v is True and '_' not in k and not NO_FEATURE.match(k)}
        return features - OF_ALL - NOT_PRINTED - OTHER_NAMES, [props[k] for k in NUMBERS]


NUMBERS = ['family', 'model', 'stepping', 'level', 'xlevel']


def ours(name):
    run = subprocess.run(['kvm-run', '-M', name + ',baseline'], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if run.returncode:
        return None, run.stderr
    words = run.stdout.strip().split(',')
    values = dict(w.split('=') for w in words if '=' in w)
    features = {w[1:] for w in words if w[0] == '+' and not w.startswith('+kvm')}
    return features - OF_ALL, [int(values[k]) for k in NUMBERS]


qemu = Qemu()
count = 0
for definition in qemu.ask('query-cpu-definitions'):
    name = definition['name']
    if name in ('host', 'max', 'base'):
        continue
    theirs, mine = qemu.model(name), ours(name)
    count += 1
    if mine[0] is None:
        print(name, mine[1])
    elif mine != theirs:
        print(name, 'more:', *sorted(mine[0] - theirs[0]), 'less:', *sorted(theirs[0] - mine[0]), mine[1], theirs[1])
qemu.ask('quit')
print(count, 'models')
