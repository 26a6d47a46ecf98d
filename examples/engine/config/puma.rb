# frozen_string_literal: true

bind ENV.fetch('ORDERS_BIND', 'tcp://127.0.0.1:3000')
threads 1, 3
raise_exception_on_sigterm false
