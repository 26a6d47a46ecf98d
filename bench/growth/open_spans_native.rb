# frozen_string_literal: true

require_relative '../support/attempts'

# What an attempt costs beside the steps that are open.
Subject.run(Attempts.new)
