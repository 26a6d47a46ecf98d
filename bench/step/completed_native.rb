# frozen_string_literal: true

require_relative '../support/completed_step'

Subject.run(CompletedStep.new)
