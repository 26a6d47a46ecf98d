# frozen_string_literal: true

# Numbers for people.
module Number
  module_function

  # 1234567 => "1,234,567"
  def grouped(number)
    number.to_s.gsub(/(\d)(?=(\d{3})+\z)/, '\1,')
  end

  # As many digits as one can make use of: 4, 1.75, 42.5, 1,024.
  def short(number)
    return grouped(number.round) if number.abs >= 100 || number == number.round

    format(number.abs < 10 ? '%.2f' : '%.1f', number)
  end
end
