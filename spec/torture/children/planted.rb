# frozen_string_literal: true

# Makes a fault on purpose: whoever watches these processes must see it.
require_relative '../../support/torture/child'

Child.configure
before = Tasker::Native::Torture.live
Tasker::Native::Torture.plant(ARGV.fetch(0).to_sym)
Child.check(Tasker::Native::Torture.live == before, "#{Tasker::Native::Torture.live - before} allocation is left")
