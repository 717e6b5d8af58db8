-- Whose lease it is: a process whose database fell silent finds again what it leased without getting the answer.
ALTER TABLE effects ADD COLUMN leased_by uuid;
