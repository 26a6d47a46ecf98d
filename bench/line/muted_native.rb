# frozen_string_literal: true

require_relative '../support/logged_step'

Subject.run(LoggedStep.new('hidden by the logger', logger_level: :warn))
